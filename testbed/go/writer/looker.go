package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

const lookEvery = 50 * time.Millisecond

// looker keeps every membership that differs from the one before, by linearizable reads.
type looker struct {
	members     *members
	once        sync.Once
	done        sync.WaitGroup
	ending      chan struct{}
	mutex       sync.Mutex
	memberships []membership
}

type membership struct {
	At      float64 `json:"at"`
	Members []entry `json:"members"`
}

type entry struct {
	ID      uint64 `json:"id,string"`
	Name    string `json:"name"` // empty until it has started
	URL     string `json:"url"`
	Learner bool   `json:"learner"`
}

func (l *looker) start() {
	l.once.Do(func() {
		l.ending = make(chan struct{})
		l.done.Add(1)
		go l.run()
	})
}

func (l *looker) stop() {
	close(l.ending)
	l.done.Wait()
}

func (l *looker) run() {
	defer l.done.Done()
	for turn := 0; ; {
		if !l.look(l.members.at(turn)) {
			turn++
		}
		select {
		case <-l.ending:
			return
		case <-time.After(lookEvery):
		}
	}
}

func (l *looker) look(m *member) bool {
	if m == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	list, err := pb.NewClusterClient(m.use()).MemberList(ctx, &pb.MemberListRequest{Linearizable: true})
	m.answered(err)
	if err != nil {
		return false
	}
	now := []entry{}
	for _, one := range list.Members {
		now = append(now, entry{one.ID, one.Name, strings.Join(one.PeerURLs, ","), one.IsLearner})
	}
	slices.SortFunc(now, func(a, b entry) int { return strings.Compare(a.URL, b.URL) })
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if last := len(l.memberships) - 1; last < 0 || !slices.Equal(l.memberships[last].Members, now) {
		l.memberships = append(l.memberships, membership{seconds(time.Now()), now})
	}
	return true
}

func (l *looker) seen() []membership {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]membership{}, l.memberships...) // Never nil: it is said as a list.
}
