package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

const (
	prefix, prefixEnd = "chaos/", "chaos0"
	padding           = 64 // bytes in each value
	readTimeout       = 5 * time.Second
	verifyTimeout     = 90 * time.Second
	pageLength        = 2000
)

type writer struct {
	options
	members   *members
	turns     chan struct{}
	ending    chan struct{}
	once      sync.Once
	workers   sync.WaitGroup
	mutex     sync.Mutex
	counts    writes
	lastAck   time.Time
	lapOutage float64
}

type writes struct {
	Acknowledged  int     `json:"acknowledged"`
	Failed        int     `json:"failed"`
	LongestOutage float64 `json:"longest_outage"` // seconds between two acknowledgements of any worker
	OutageBegan   float64 `json:"outage_began"`
	LastAck       float64 `json:"last_ack"`
	LastError     string  `json:"last_error"`
}

func newWriter(o options, all *members) *writer {
	return &writer{options: o, members: all, turns: make(chan struct{}), ending: make(chan struct{})}
}

func (w *writer) start() {
	w.once.Do(func() {
		go w.pace()
		for i := range w.options.workers {
			w.workers.Add(1)
			go w.work(i)
		}
	})
}

// pace gives a turn to a free worker, so often. Turns that nobody takes are not made up for.
func (w *writer) pace() {
	ticker := time.NewTicker(time.Second / time.Duration(w.rate))
	defer ticker.Stop()
	for {
		select {
		case <-w.ending:
			return
		case <-ticker.C:
			select {
			case w.turns <- struct{}{}:
			default:
			}
		}
	}
}

func (w *writer) journal(worker int) string {
	return filepath.Join(w.folder, fmt.Sprintf("journal-%d", worker))
}

func (w *writer) work(worker int) {
	defer w.workers.Done()
	journal, err := os.Create(w.journal(worker))
	if err != nil {
		log.Fatal(err)
	}
	defer journal.Close()
	turn := worker
	for number := 0; ; number++ {
		select {
		case <-w.ending:
			return
		case <-w.turns:
		}
		key := fmt.Sprintf("%s%d/%08d", prefix, worker, number)
		value := fmt.Sprintf("%d-%s", time.Now().UnixNano(), strings.Repeat("x", padding))
		revision, err := w.put(w.members.at(turn), key, value)
		if err != nil {
			w.failed(err)
			turn++
			continue
		}
		now := time.Now()
		if _, err := fmt.Fprintf(journal, "%s %s %d %d\n", key, value, revision, now.UnixNano()); err != nil {
			log.Fatal(err)
		}
		w.acknowledged(now)
	}
}

func (w *writer) put(m *member, key, value string) (int64, error) {
	if m == nil {
		return 0, fmt.Errorf("no member is known")
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	done, err := pb.NewKVClient(m.use()).Put(ctx, &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
	m.answered(err)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", m.name, err)
	}
	return done.Header.Revision, nil
}

func (w *writer) failed(err error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.counts.Failed++
	w.counts.LastError = err.Error()
}

// gap is called with the mutex held.
func (w *writer) gap(now time.Time) {
	if w.lastAck.IsZero() {
		return
	}
	outage := now.Sub(w.lastAck).Seconds()
	if outage > w.counts.LongestOutage {
		w.counts.LongestOutage, w.counts.OutageBegan = outage, seconds(w.lastAck)
	}
	w.lapOutage = max(w.lapOutage, outage)
}

// lap is the longest outage since the last lap.
func (w *writer) lap() float64 {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.gap(time.Now())
	outage := w.lapOutage
	w.lapOutage = 0
	return outage
}

func (w *writer) acknowledged(now time.Time) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.gap(now)
	w.lastAck = now
	w.counts.Acknowledged++
	w.counts.LastAck = seconds(now)
}

// state includes an outage that goes on.
func (w *writer) state() writes {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	select {
	case <-w.ending:
	default:
		w.gap(time.Now())
	}
	return w.counts
}

func (w *writer) stop() {
	close(w.ending)
	w.workers.Wait()
}

type verified struct {
	Journaled int      `json:"journaled"`
	Lost      int      `json:"lost"`
	Examples  []string `json:"examples"`
	Revision  int64    `json:"revision"`
}

// verify holds what etcd has, by one linearizable read and further pages at its revision, against the
// journals.
func (w *writer) verify() (verified, error) {
	there, revision, err := w.readAll()
	if err != nil {
		return verified{}, err
	}
	found := verified{Revision: revision, Examples: []string{}}
	for worker := range w.options.workers {
		if err := w.compare(worker, there, &found); err != nil {
			return found, err
		}
	}
	return found, nil
}

func (w *writer) compare(worker int, there map[string]kept, found *verified) error {
	file, err := os.Open(w.journal(worker))
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var key, value string
		var revision, at int64
		if _, err := fmt.Sscan(lines.Text(), &key, &value, &revision, &at); err != nil {
			return fmt.Errorf("%s: %q: %w", file.Name(), lines.Text(), err)
		}
		found.Journaled++
		if now, ok := there[key]; !ok || now != (kept{value, revision}) {
			found.Lost++
			if len(found.Examples) < 10 {
				found.Examples = append(found.Examples,
					fmt.Sprintf("%s, acknowledged at revision %d, %s: there %v", key, revision, time.Unix(0, at).UTC().Format(time.RFC3339Nano), now))
			}
		}
	}
	return lines.Err()
}

type kept struct {
	value    string
	revision int64
}

func (w *writer) readAll() (map[string]kept, int64, error) {
	deadline := time.Now().Add(verifyTimeout)
	there := map[string]kept{}
	next, revision := []byte(prefix), int64(0)
	for turn := 0; ; {
		page, err := w.readPage(w.members.at(turn), next, revision)
		if err != nil {
			if time.Now().After(deadline) {
				return nil, 0, fmt.Errorf("reading back: %w", err)
			}
			turn++
			time.Sleep(probeEvery)
			continue
		}
		if revision == 0 {
			revision = page.Header.Revision
		}
		for _, entry := range page.Kvs {
			there[string(entry.Key)] = kept{string(entry.Value), entry.ModRevision}
			next = append(entry.Key, 0)
		}
		if !page.More {
			return there, revision, nil
		}
	}
}

func (w *writer) readPage(m *member, from []byte, revision int64) (*pb.RangeResponse, error) {
	if m == nil {
		return nil, fmt.Errorf("no member is known")
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	return pb.NewKVClient(m.use()).Range(ctx, &pb.RangeRequest{
		Key: from, RangeEnd: []byte(prefixEnd), Limit: pageLength, Revision: revision,
	})
}
