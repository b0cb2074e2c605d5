// Writes to one etcd cluster all the time, from outside, and proves at the end that every write which was
// acknowledged is there. For the chaos tests (tests/chaos).
//
// It speaks etcd's protocol without etcd's client, so that each put is sent once, to one member, and what
// an answer means is known: the client repeats and balances on its own. Workers put keys that are never
// used twice; each waits for its answer, puts it into a journal, and only then goes on. One that gets no
// answer goes on at the next member. Meanwhile every member is asked for a linearizable read, and any
// member for the member list.
//
// Commands come on standard input, one a line, and each is answered with a line of JSON:
//
//	members {"c-0": "10.244.1.7:2379", ...}   where the members are now; these alone are asked
//	state                                     what has been seen so far
//	lap                                       the longest outage since the last lap
//	stop                                      ends the writing, reads everything back and reports
//
// It ends with its standard input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

type options struct {
	folder  string // for the journals
	workers int
	rate    int // puts a second, of all workers
	timeout time.Duration
}

func answer(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", text)
}

func main() {
	var o options
	var tlsFolder, serverName string
	flag.StringVar(&o.folder, "folder", ".", "where the journals go")
	flag.IntVar(&o.workers, "workers", 8, "puts under way at a time")
	flag.IntVar(&o.rate, "rate", 200, "puts a second")
	flag.DurationVar(&o.timeout, "timeout", 500*time.Millisecond, "how long an answer is waited for")
	flag.StringVar(&tlsFolder, "tls", "", "folder of ca.crt, tls.crt and tls.key; empty: no TLS")
	flag.StringVar(&serverName, "server-name", "", "the name that the members' certificates must have")
	flag.Parse()

	creds, err := credentialsOf(tlsFolder, serverName)
	if err != nil {
		log.Fatal(err)
	}
	all := &members{creds: creds, byName: map[string]*member{}}
	w := newWriter(o, all)
	l := &looker{members: all}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		command, rest, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "members":
			addresses := map[string]string{}
			if err := json.Unmarshal([]byte(rest), &addresses); err != nil {
				log.Fatal(err)
			}
			all.set(addresses)
			w.start()
			l.start()
			answer(map[string]any{"members": len(addresses)})
		case "state":
			answer(map[string]any{"writes": w.state(), "members": all.state(), "memberships": l.seen()})
		case "lap":
			answer(map[string]any{"outage": w.lap()})
		case "stop":
			w.stop()
			l.stop()
			found, err := w.verify()
			if err != nil {
				answer(map[string]any{"error": err.Error()})
				continue
			}
			answer(map[string]any{"writes": w.state(), "verified": found, "memberships": l.seen()})
		default:
			log.Fatalf("no such command: %q", command)
		}
	}
}
