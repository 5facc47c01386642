#!/usr/bin/env bash
# Makes sure that a Kafka image is here for the `docker` target and its tests.
#
# Where an image registry answers, the official image is pulled. Where none does, an image of the
# same layout (jars in /opt/kafka/libs, java in PATH, runs as the unprivileged user appuser) is
# built from packages alone: a minimal Debian root with a Java runtime and iptables, made by
# debootstrap from the mirror that this system's own apt uses, and Kafka's jars, fetched by Maven.
# What was built is kept in ${XDG_CACHE_HOME:-~/.cache}/tribunal/images, so that the next
# fresh Docker only loads it. What exists is skipped. The image has an archive of the broker's classes in
# /opt/kafka/classes.jsa, which tribunal starts brokers from where it is there.
#
# Needs dockerd; to build also root, debootstrap and Maven.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: build.sh [--only kafka] [--kafka VERSION] [--tag IMAGE] [--local] [--pull-seconds N]

  --only NAME      build only this image; may be given again  [names: kafka; default: all]
  --kafka VERSION  Kafka's version                            [default: 4.3.0]
  --tag IMAGE      name of the built image                    [default: local/kafka:VERSION]
  --local          build from packages without asking a registry first
  --pull-seconds N give up pulling after N seconds            [default: 300]

Prints the name of each image that is ready, one a line, on standard output.
USAGE
}

fail() { echo "build.sh: $*" >&2; exit 1; }
say() { echo "build.sh: $*" >&2; }

only=() version=4.3.0 tag='' local_only=0 pull_seconds=300
while (($#)); do
  case $1 in
    --only) only+=("${2:?--only needs a name}"); shift ;;
    --kafka) version=${2:?--kafka needs a version}; shift ;;
    --tag) tag=${2:?--tag needs an image name}; shift ;;
    --pull-seconds) pull_seconds=${2:?--pull-seconds needs a number}; shift ;;
    --local) local_only=1 ;;
    -h | --help) usage; exit ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
  shift
done
for name in "${only[@]}"; do
  [[ $name == kafka ]] || fail "unknown image: $name (known: kafka)"
done
tag=${tag:-local/kafka:$version}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tribunal/images

work=''
trap '[[ -z $work ]] || rm -rf "$work"' EXIT

have() { docker image inspect "$1" >/dev/null 2>&1; }

need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null || fail "$1 is missing: install it (Debian: apt-get install $2)"
}

# The archive and the suite that this system installs its own packages from.
debian_source() {
  . /etc/os-release
  suite=${VERSION_CODENAME:?this system names no Debian suite in /etc/os-release}
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' |
    awk -v suite="$suite" '$2 == suite && $3 == "main" { print $1; exit }')
  [[ -n $mirror ]] || fail "apt's sources name no archive of $suite: run apt-get update"
}

root_image() { # IMAGE PACKAGES: a minimal Debian with the packages
  have "$1" && return
  need debootstrap debootstrap
  [[ $(id -u) == 0 ]] || fail "building $1 needs root (debootstrap): run with sudo"
  debian_source
  say "building $1 from $suite's packages (a minute or two)"
  local root=$work/root
  debootstrap --variant=minbase --include="$2" "$suite" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 20 "$work/debootstrap.log" >&2; fail "debootstrap failed; its last lines stand above"; }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
  tar -C "$root" -c . | docker import - "$1" >/dev/null
  rm -rf "$root"
}

kafka_jars() { # VERSION DIRECTORY
  need mvn maven
  say "fetching the jars of Kafka $1"
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>tribunal</groupId><artifactId>kafka-image</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$1</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$1</version></dependency>
    <!-- Kafka speaks slf4j 1.7; without a binding the broker logs nothing. -->
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
  </dependencies>
</project>
POM
  mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$2" -DincludeScope=runtime >"$work/mvn.log" 2>&1 ||
    { tail -n 20 "$work/mvn.log" >&2; fail "Maven could not fetch Kafka $1; its last lines stand above"; }
}

kafka() {
  local official=apache/kafka:$version archive
  # Another recipe is another archive.
  archive=$cache/kafka-$version-$(sha256sum <"${BASH_SOURCE[0]}" | cut -c1-12).tar
  if have "$tag"; then echo "$tag"; return; fi
  if ((!local_only)); then
    if have "$official"; then echo "$official"; return; fi
    if timeout "$pull_seconds" docker pull -q "$official" >/dev/null 2>&1; then echo "$official"; return; fi
    say "no registry gave $official: building $tag instead"
  fi
  if [[ -s $archive ]] && docker load -q -i "$archive" >/dev/null && have "tribunal/kafka-cached:$version"; then
    docker tag "tribunal/kafka-cached:$version" "$tag"
    docker rmi --no-prune "tribunal/kafka-cached:$version" >/dev/null
    echo "$tag"
    return
  fi
  work=$(mktemp -d)
  root_image tribunal/jre:17 openjdk-17-jre-headless,iptables,iproute2,procps,ca-certificates
  kafka_jars "$version" "$work/context/libs"
  cat >"$work/context/Dockerfile" <<'DOCKERFILE'
FROM tribunal/jre:17
RUN useradd --uid 1000 --gid root --create-home --home-dir /home/appuser appuser
COPY libs /opt/kafka/libs
COPY archive.sh archive.properties /tmp/
RUN sh /tmp/archive.sh
USER appuser
DOCKERFILE
  # The classes that a broker loads, as the JVM keeps them: a start from them takes a third of the CPU time.
  cat >"$work/context/archive.properties" <<'PROPERTIES'
node.id=1
process.roles=broker,controller
controller.quorum.voters=1@localhost:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
log.dirs=/tmp/data
PROPERTIES
  cat >"$work/context/archive.sh" <<'ARCHIVE'
set -e
# The class path must be the one of the brokers to come, to the letter: nemesis/src/containers/kafka.rs.
CLASSPATH=$(printf '%s:' /opt/kafka/libs/*.jar); CLASSPATH=${CLASSPATH%:}; export CLASSPATH
cd /tmp
java kafka.tools.StorageTool format --cluster-id YXJjaGl2ZS1vZi1jbGFzcw --config archive.properties >archive.log 2>&1
java -XX:ArchiveClassesAtExit=/opt/kafka/classes.jsa kafka.Kafka archive.properties >>archive.log 2>&1 &
broker=$!
for i in $(seq 120); do
  grep -q 'Kafka Server started' archive.log && break
  kill -0 "$broker" || break
  sleep 1
done
kill "$broker"; wait "$broker" || true
test -s /opt/kafka/classes.jsa || { tail -n 20 archive.log >&2; exit 1; }
chmod 644 /opt/kafka/classes.jsa
rm -rf data archive.* hsperfdata_*
ARCHIVE
  docker build -q -t "$tag" "$work/context" >"$work/build.log" 2>&1 ||
    { tail -n 20 "$work/build.log" >&2; fail "docker build failed; its last lines stand above"; }
  rm -rf "$work"; work=''
  # Under a name of its own, so that a later --tag does not matter; moved into place when whole.
  mkdir -p "$cache"
  rm -f "$cache/kafka-$version-"*.tar{,.part}
  docker tag "$tag" "tribunal/kafka-cached:$version"
  docker save -o "$archive.part" "tribunal/kafka-cached:$version" && mv "$archive.part" "$archive"
  docker rmi --no-prune "tribunal/kafka-cached:$version" >/dev/null
  echo "$tag"
}

need docker docker.io
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "Docker does not answer: start it (dockerd), then run this again"
kafka
