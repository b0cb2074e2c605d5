package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	// A member is asked this often whether it serves, and for so long.
	probeEvery, probeTimeout = 200 * time.Millisecond, time.Second
	// After so many silent answers in a row the connection is made anew: behind a partition that healed,
	// TCP itself tries again ever more rarely.
	silencesBeforeRedial = 3
)

func credentialsOf(folder, serverName string) (credentials.TransportCredentials, error) {
	if folder == "" {
		return insecure.NewCredentials(), nil
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s/ca.crt", folder)
	}
	return credentials.NewTLS(&tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: serverName,
	}), nil
}

// member is one pod at one address. Another address makes another one.
type member struct {
	name, address string
	creds         credentials.TransportCredentials
	ended         context.CancelFunc
	mutex         sync.Mutex
	connection    *grpc.ClientConn
	silences      int
	seen          memberState
}

type memberState struct {
	ID       uint64  `json:"id,string"`
	Leader   uint64  `json:"leader,string"`
	Version  string  `json:"version"`
	Served   float64 `json:"served"` // when it last answered a linearizable read
	Revision int64   `json:"revision"`
}

func (m *member) dial() {
	connection, err := grpc.NewClient("passthrough:///"+m.address,
		grpc.WithTransportCredentials(m.creds),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, MaxDelay: 300 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		log.Fatal(err)
	}
	m.connection = connection
}

func (m *member) use() *grpc.ClientConn {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.connection
}

// answered takes note of how a call ended.
func (m *member) answered(err error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if status.Code(err) != codes.DeadlineExceeded {
		m.silences = 0
		return
	}
	m.silences++
	if m.silences >= silencesBeforeRedial {
		m.silences = 0
		m.connection.Close()
		m.dial()
	}
}

func (m *member) probe() {
	connection := m.use()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	read, err := pb.NewKVClient(connection).Range(ctx, &pb.RangeRequest{Key: []byte("probe")})
	m.answered(err)
	if err != nil {
		return
	}
	told, err := pb.NewMaintenanceClient(connection).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.seen = memberState{told.Header.MemberId, told.Leader, told.Version, seconds(time.Now()), read.Header.Revision}
}

func (m *member) probeUntil(ctx context.Context) {
	for ctx.Err() == nil {
		m.probe()
		select {
		case <-ctx.Done():
		case <-time.After(probeEvery):
		}
	}
	m.use().Close()
}

func seconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }

type members struct {
	creds   credentials.TransportCredentials
	mutex   sync.Mutex
	byName  map[string]*member
	ordered []*member
}

func (all *members) set(addresses map[string]string) {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	for name, m := range all.byName {
		if addresses[name] != m.address {
			m.ended()
			delete(all.byName, name)
		}
	}
	for name, address := range addresses {
		if all.byName[name] == nil {
			ctx, ended := context.WithCancel(context.Background())
			m := &member{name: name, address: address, creds: all.creds, ended: ended}
			m.dial()
			all.byName[name] = m
			go m.probeUntil(ctx)
		}
	}
	all.ordered = nil
	for _, m := range all.byName {
		all.ordered = append(all.ordered, m)
	}
	sort.Slice(all.ordered, func(i, j int) bool { return all.ordered[i].name < all.ordered[j].name })
}

// at picks one of them, or nil.
func (all *members) at(turn int) *member {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	if len(all.ordered) == 0 {
		return nil
	}
	return all.ordered[turn%len(all.ordered)]
}

func (all *members) state() map[string]memberState {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	states := map[string]memberState{}
	for name, m := range all.byName {
		m.mutex.Lock()
		states[name] = m.seen
		m.mutex.Unlock()
	}
	return states
}
