// Command csi-driver gives the testbed's pods volumes that behave like local
// disks: a volume is a plain directory below --volumes/NODE, belongs to the node
// where its first pod was scheduled, and is mounted nowhere else.
//
// One process with --controller makes, grows and removes the directories, behind
// the ordinary csi-provisioner and csi-resizer. One process with --node NAME per node, in that
// node's mount namespace, mounts them and makes itself known to the kubelet.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
)

const (
	driverName    = "local.csi.testbed"
	driverVersion = "1"
	// topologyKey is the label of a node that says whose disks these are.
	topologyKey = driverName + "/node"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	endpoint := flag.String("endpoint", "", "unix socket of the CSI services")
	volumes := flag.String("volumes", "", "folder of all volumes")
	controller := flag.Bool("controller", false, "make, grow and remove volumes")
	nodeName := flag.String("node", "", "mount volumes of this node")
	registration := flag.String("registration", "", "unix socket in the kubelet's plugins_registry folder")
	flag.Parse()
	if *endpoint == "" || *volumes == "" || *controller == (*nodeName != "") || (*nodeName != "") != (*registration != "") {
		log.Fatal("usage: csi-driver --endpoint SOCKET --volumes DIR (--controller | --node NAME --registration SOCKET)")
	}

	store := store{folder: *volumes}
	server := grpc.NewServer(grpc.UnaryInterceptor(logCalls))
	csi.RegisterIdentityServer(server, identity{})
	failed := make(chan error, 2)
	if *controller {
		csi.RegisterControllerServer(server, &controllerService{store: store})
	} else {
		csi.RegisterNodeServer(server, &nodeService{store: store, node: *nodeName})
	}
	go func() { failed <- serve(server, *endpoint) }()
	if *registration != "" {
		go func() { failed <- serve(newRegistrationServer(*endpoint), *registration) }()
	}
	log.Fatal(<-failed)
}

// serve listens on a unix socket, in place of one that a killed process left.
func serve(server *grpc.Server, socket string) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	log.Printf("serving on %s", socket)
	return server.Serve(listener)
}

// logCalls writes one line for each call that changes something or fails.
func logCalls(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	answer, err := handle(ctx, request)
	method := filepath.Base(info.FullMethod)
	named, about := request.(interface{ GetVolumeId() string })
	switch {
	case err != nil:
		log.Printf("%s: %v", method, err)
	case about:
		log.Printf("%s %s: done", method, named.GetVolumeId())
	}
	return answer, err
}
