import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a small history to standard output, as docs/history.md describes it.
 *
 * <pre>java Emit.java > history.jsonl && tribunal analyze history.jsonl</pre>
 *
 * A list stands for the system under test. What matters is around it: when times are taken, what is ok, fail and
 * info, what a process does after an info, and the consume-all pass at the end. The lines are put together by
 * hand to need no library; use one for strings that are not your own.
 */
public class Emit {
    /** A producer, a consumer, and the reader of the consume-all pass. */
    static final int THREADS = 3;
    static final String KEY = "\"orders-0\"";

    /** Monotonic; its zero is anywhere, so times count from here. */
    static final long START = System.nanoTime();
    static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    static int index = 0;

    /** One line. Call it before the client call (invoke), and after it returned (ok, fail, info). */
    static void record(Object process, String type, String f, String value, String more) {
        OUT.printf("{\"index\":%d,\"time\":%d,\"process\":%s,\"type\":\"%s\",\"f\":\"%s\",\"value\":%s%s}\n",
                index++, System.nanoTime() - START, process, type, f, value, more);
    }

    /** The system says that it appended nothing: fail. */
    static class Refused extends Exception {
        Refused(String reason) { super(reason); }
    }

    /** No answer came, and the record may or may not be there: info. */
    static class TimedOut extends Exception {
        TimedOut(String reason) { super(reason); }
    }

    static final List<Integer> LOG = new ArrayList<>();

    /** The call into the client library. */
    static int append(int value) throws Refused, TimedOut {
        if (value == 3) throw new Refused("not enough replicas in sync");
        LOG.add(value);
        if (value == 5) throw new TimedOut("no answer within 30 s");
        return LOG.size() - 1;
    }

    /** One send; the number under which this thread goes on. */
    static int send(int process, int seq, int value) {
        String asked = "[[\"send\"," + KEY + "," + value + "]]";
        String who = ",\"client\":0,\"seq\":" + seq;
        record(process, "invoke", "send", asked, who);
        try {
            int offset = append(value);
            record(process, "ok", "send", "[[\"send\"," + KEY + ",[" + offset + "," + value + "]]]", who);
        } catch (Refused e) {
            record(process, "fail", "send", asked, who + ",\"error\":\"" + e.getMessage() + "\"");
        } catch (TimedOut e) {
            record(process, "info", "send", asked, who + ",\"error\":\"" + e.getMessage() + "\"");
            // This operation may still be under way: its process is retired.
            return process + THREADS;
        }
        return process;
    }

    static void assign(int process, String more) {
        String who = ",\"client\":" + process;
        record(process, "invoke", "assign", "[" + KEY + "]", who + more);
        record(process, "ok", "assign", "[" + KEY + "]", who + ",\"position\":{" + KEY + ":0}" + more);
    }

    /** One poll from a position on; the next one's position. */
    static int poll(int process, int position, String more) {
        String who = ",\"client\":" + process;
        record(process, "invoke", "poll", "[[\"poll\"]]", who + more);
        StringBuilder records = new StringBuilder();
        for (int offset = position; offset < LOG.size(); offset++) {
            records.append(offset == position ? "" : ",").append("[" + offset + "," + LOG.get(offset) + "]");
        }
        String polled = records.length() == 0 ? "{}" : "{" + KEY + ":[" + records + "]}";
        String there = ",\"position\":{" + KEY + ":" + LOG.size() + "}";
        String eof = more.isEmpty() ? "" : ",\"eof\":[" + KEY + "]";
        record(process, "ok", "poll", "[[\"poll\"," + polled + "]]", who + there + more + eof);
        return LOG.size();
    }

    static String outcome(String evidence) {
        return "{\"label\":\"pause b\",\"nodes\":[\"b\"],\"bit\":true,\"evidence\":\"" + evidence + "\"}";
    }

    public static void main(String[] args) {
        int producer = 0, consumer = 1, reader = 2;
        assign(consumer, "");
        int position = 0;
        for (int seq = 0; seq < 6; seq++) {
            int value = seq + 1;
            if (value == 5) {
                record("\"nemesis\"", "invoke", "pause", "{\"node\":\"b\"}", ",\"fault\":1");
                record("\"nemesis\"", "info", "pause", outcome("it does not answer"), ",\"fault\":1");
            }
            producer = send(producer, seq, value);
            if (value == 5) {
                record("\"nemesis\"", "invoke", "heal", "{\"label\":\"pause b\"}", ",\"fault\":1");
                record("\"nemesis\"", "info", "heal", outcome("it answers"), ",\"fault\":1");
            }
            position = poll(consumer, position, "");
        }
        // The consume-all pass: from the first offset to the end, and proof that the end was reached.
        String last = ",\"final\":true";
        assign(reader, last);
        record(reader, "invoke", "offsets", "null", ",\"client\":" + reader + last);
        String bounds = "{" + KEY + ":{\"start\":0,\"end\":" + LOG.size() + "}}";
        record(reader, "ok", "offsets", bounds, ",\"client\":" + reader + last);
        poll(reader, 0, last);
        OUT.flush();
    }
}
