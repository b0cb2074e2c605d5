// Answers as the members of many etcd clusters, for measurements of an operator at scale: over the
// real protocol (gRPC, TLS with a client certificate), but without raft and data. Which member is
// asked for stands in the name that the client verifies (POD.CLUSTER-peer.NAMESPACE.svc); its
// certificate and its ids come from the cluster's own Secret. Every cluster is healthy, has --size
// members, was bootstrapped statically in its first generation, and is led by its first member.
package main

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// What one cluster's members say and show.
type cluster struct {
	certificate tls.Certificate
	id          uint64
	members     []*pb.Member
}

type clusters struct {
	api    *http.Client
	server string
	size   int
	known  sync.Map // "namespace/name" to *cluster
}

func first8(sum [sha1.Size]byte) uint64 { return binary.BigEndian.Uint64(sum[:8]) }

// Etcd's own way to ids: server/etcdserver/api/membership.
func describe(namespace, name, token string, size int) (uint64, []*pb.Member) {
	members := make([]*pb.Member, size)
	ids := make([]uint64, size)
	for i := range members {
		pod := fmt.Sprintf("%s-%d", name, i)
		host := fmt.Sprintf("https://%s.%s-peer.%s.svc", pod, name, namespace)
		ids[i] = first8(sha1.Sum([]byte(host + ":2380" + token)))
		members[i] = &pb.Member{
			ID: ids[i], Name: pod, PeerURLs: []string{host + ":2380"}, ClientURLs: []string{host + ":2379"},
		}
	}
	slices.Sort(ids)
	var all []byte
	for _, id := range ids {
		all = binary.BigEndian.AppendUint64(all, id)
	}
	return first8(sha1.Sum(all)), members
}

// load reads the cluster's server certificate; the Secret's owner is the object whose UID is in the
// token.
func (c *clusters) load(namespace, name string) (*cluster, error) {
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/secrets/%s-server-tls", c.server, namespace, name)
	response, err := c.api.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var secret struct {
		Metadata struct {
			OwnerReferences []struct{ UID string }
		}
		Data map[string][]byte
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&secret); err != nil {
		return nil, err
	}
	if len(secret.Metadata.OwnerReferences) != 1 {
		return nil, fmt.Errorf("%s: not owned by one cluster", url)
	}
	pair, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
	if err != nil {
		return nil, err
	}
	id, members := describe(namespace, name, secret.Metadata.OwnerReferences[0].UID+"-1", c.size)
	return &cluster{certificate: pair, id: id, members: members}, nil
}

// find says which cluster, and which of its members, a server name means.
func (c *clusters) find(serverName string) (*cluster, int, error) {
	parts := strings.Split(serverName, ".")
	if len(parts) < 4 || !strings.HasSuffix(parts[1], "-peer") {
		return nil, 0, fmt.Errorf("%q is no member's name", serverName)
	}
	name := strings.TrimSuffix(parts[1], "-peer")
	ordinal, err := strconv.Atoi(strings.TrimPrefix(parts[0], name+"-"))
	if err != nil || ordinal < 0 || ordinal >= c.size {
		return nil, 0, fmt.Errorf("%q is no member's name", serverName)
	}
	key := parts[2] + "/" + name
	if known, ok := c.known.Load(key); ok {
		return known.(*cluster), ordinal, nil
	}
	loaded, err := c.load(parts[2], name)
	if err != nil {
		return nil, 0, err
	}
	c.known.Store(key, loaded)
	return loaded, ordinal, nil
}

func (c *clusters) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	found, _, err := c.find(hello.ServerName)
	if err != nil {
		return nil, err
	}
	return &found.certificate, nil
}

type member struct {
	pb.UnimplementedKVServer
	pb.UnimplementedClusterServer
	pb.UnimplementedMaintenanceServer
	clusters *clusters
}

// Any state that does not move will do: nothing is written.
const revision, term, index = 1, 2, 9

func (m *member) asked(ctx context.Context) (*cluster, *pb.ResponseHeader, error) {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return nil, nil, errors.New("no peer")
	}
	info, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil, nil, errors.New("no TLS")
	}
	found, ordinal, err := m.clusters.find(info.State.ServerName)
	if err != nil {
		return nil, nil, err
	}
	header := &pb.ResponseHeader{
		ClusterId: found.id, MemberId: found.members[ordinal].ID, Revision: revision, RaftTerm: term,
	}
	return found, header, nil
}

func (m *member) Range(ctx context.Context, _ *pb.RangeRequest) (*pb.RangeResponse, error) {
	_, header, err := m.asked(ctx)
	return &pb.RangeResponse{Header: header}, err
}

func (m *member) MemberList(ctx context.Context, _ *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	found, header, err := m.asked(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.MemberListResponse{Header: header, Members: found.members}, nil
}

func (m *member) Alarm(ctx context.Context, _ *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	_, header, err := m.asked(ctx)
	return &pb.AlarmResponse{Header: header}, err
}

func (m *member) Status(ctx context.Context, _ *pb.StatusRequest) (*pb.StatusResponse, error) {
	found, header, err := m.asked(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.StatusResponse{
		Header: header, Version: "3.6.16", StorageVersion: "3.6.0", DbSize: 20480, DbSizeInUse: 16384,
		Leader: found.members[0].ID, RaftIndex: index, RaftTerm: term, RaftAppliedIndex: index,
		DbSizeQuota: 2 << 30,
	}, nil
}

func apiClient(ca, certificate, key string) (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, nil
}

func main() {
	listen := flag.String("listen", ":2379", "address to answer on")
	server := flag.String("server", "", "URL of the API server")
	ca := flag.String("ca", "", "its authority, a PEM file")
	certificate := flag.String("cert", "", "our certificate for it, a PEM file")
	key := flag.String("key", "", "the certificate's key, a PEM file")
	size := flag.Int("size", 3, "members of each cluster")
	flag.Parse()

	api, err := apiClient(*ca, *certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	all := &clusters{api: api, server: *server, size: *size}
	config := &tls.Config{GetCertificate: all.certificate, ClientAuth: tls.RequireAnyClientCert}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	grpcServer := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	answers := &member{clusters: all}
	pb.RegisterKVServer(grpcServer, answers)
	pb.RegisterClusterServer(grpcServer, answers)
	pb.RegisterMaintenanceServer(grpcServer, answers)
	log.Fatal(grpcServer.Serve(listener))
}
