// Writes a small history to standard output, as docs/history.md describes it.
//
//	go run emit.go > history.jsonl && tribunal analyze history.jsonl
//
// A slice stands for the system under test. What matters is around it: when times are taken, what is ok, fail
// and info, what a process does after an info, and the consume-all pass at the end.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"
)

const (
	threads = 3 // a producer, a consumer, and the reader of the consume-all pass
	key     = "orders-0"
)

// event is one line. Pointers and omitempty leave out what does not apply.
type event struct {
	Index    int            `json:"index"`
	Time     int64          `json:"time"`
	Process  any            `json:"process"` // a number, or "nemesis"
	Type     string         `json:"type"`
	F        string         `json:"f"`
	Value    any            `json:"value"`
	Client   *int           `json:"client,omitempty"`
	Seq      *int           `json:"seq,omitempty"`
	Error    string         `json:"error,omitempty"`
	Position map[string]int `json:"position,omitempty"`
	Final    bool           `json:"final,omitempty"`
	EOF      []string       `json:"eof,omitempty"`
	Fault    int            `json:"fault,omitempty"`
}

var (
	start = time.Now() // holds a monotonic reading, which time.Since uses
	out   = bufio.NewWriter(os.Stdout)
	index int
)

// record writes one line. Call it before the client call (invoke), and after it returned (ok, fail, info).
func record(e event) {
	e.Index, e.Time = index, time.Since(start).Nanoseconds()
	index++
	line, err := json.Marshal(e)
	if err != nil {
		log.Fatal(err)
	}
	out.Write(append(line, '\n'))
}

var (
	errRefused  = errors.New("not enough replicas in sync") // nothing was appended: fail
	errTimedOut = errors.New("no answer within 30 s")       // it may or may not be there: info
	records     []int
)

// appendRecord is the call into the client library.
func appendRecord(value int) (int, error) {
	if value == 3 {
		return 0, errRefused
	}
	records = append(records, value)
	if value == 5 {
		return 0, errTimedOut
	}
	return len(records) - 1, nil
}

// send is one send; it returns the number under which this thread goes on.
func send(process, seq, value int) int {
	client := 0
	e := event{Process: process, Type: "invoke", F: "send", Client: &client, Seq: &seq}
	e.Value = []any{[]any{"send", key, value}}
	record(e)
	offset, err := appendRecord(value)
	switch {
	case err == nil:
		e.Type, e.Value = "ok", []any{[]any{"send", key, []any{offset, value}}}
	case errors.Is(err, errRefused):
		e.Type, e.Error = "fail", err.Error()
	default:
		// Whatever is not known to have failed is info, and its process is retired: the operation may
		// still be under way.
		e.Type, e.Error = "info", err.Error()
		process += threads
	}
	record(e)
	return process
}

func assign(process int, final bool) {
	e := event{Process: process, Type: "invoke", F: "assign", Value: []string{key}, Client: &process, Final: final}
	record(e)
	e.Type, e.Position = "ok", map[string]int{key: 0}
	record(e)
}

// poll is one poll from position on; it returns the next one's position.
func poll(process, position int, final bool) int {
	e := event{Process: process, Type: "invoke", F: "poll", Client: &process, Final: final}
	e.Value = []any{[]any{"poll"}}
	record(e)
	polled := map[string][][2]int{}
	for offset := position; offset < len(records); offset++ {
		polled[key] = append(polled[key], [2]int{offset, records[offset]})
	}
	position = len(records)
	e.Type, e.Value = "ok", []any{[]any{"poll", polled}}
	e.Position = map[string]int{key: position}
	if final {
		e.EOF = []string{key}
	}
	record(e)
	return position
}

func nemesis(kind, f string, value any) {
	record(event{Process: "nemesis", Type: kind, F: f, Value: value, Fault: 1})
}

func outcome(evidence string) any {
	return map[string]any{"label": "pause b", "nodes": []string{"b"}, "bit": true, "evidence": evidence}
}

func main() {
	defer out.Flush()
	producer, consumer, reader := 0, 1, 2
	assign(consumer, false)
	position := 0
	for seq := 0; seq < 6; seq++ {
		value := seq + 1
		if value == 5 {
			nemesis("invoke", "pause", map[string]any{"node": "b"})
			nemesis("info", "pause", outcome("it does not answer"))
		}
		producer = send(producer, seq, value)
		if value == 5 {
			nemesis("invoke", "heal", map[string]any{"label": "pause b"})
			nemesis("info", "heal", outcome("it answers"))
		}
		position = poll(consumer, position, false)
	}
	// The consume-all pass: from the first offset to the end, and proof that the end was reached.
	assign(reader, true)
	e := event{Process: reader, Type: "invoke", F: "offsets", Client: &reader, Final: true}
	record(e)
	e.Type, e.Value = "ok", map[string]any{key: map[string]int{"start": 0, "end": len(records)}}
	record(e)
	poll(reader, 0, true)
}
