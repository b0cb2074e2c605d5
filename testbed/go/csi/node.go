package main

import (
	"context"
	"errors"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// nodeService mounts the volumes of one node into the folders of its pods.
type nodeService struct {
	csi.UnimplementedNodeServer
	store store
	node  string
}

func (n *nodeService) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.node, AccessibleTopology: topologyOf(n.node)}, nil
}

func (n *nodeService) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

func (n *nodeService) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	found, err := n.store.find(request.GetVolumeId())
	if err != nil {
		return nil, status.Errorf(codes.NotFound, "volume %s: %v", request.GetVolumeId(), err)
	}
	if found.Node != n.node {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is on node %s, not on %s", found.ID, found.Node, n.node)
	}
	source, target := n.store.data(found), request.GetTargetPath()
	if err := os.MkdirAll(target, 0o750); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	mounted, err := sameFolder(source, target)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if !mounted {
		if err := bindMount(source, target, request.GetReadonly()); err != nil {
			return nil, status.Errorf(codes.Internal, "mount %s on %s: %v", source, target, err)
		}
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// sameFolder says whether target already shows source.
func sameFolder(source, target string) (bool, error) {
	from, err := os.Stat(source)
	if err != nil {
		return false, err
	}
	to, err := os.Stat(target)
	if err != nil {
		return false, err
	}
	return os.SameFile(from, to), nil
}

func bindMount(source, target string, readOnly bool) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if !readOnly {
		return nil
	}
	// A bind mount becomes read-only only when it is mounted once more.
	err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	if err != nil {
		_ = unix.Unmount(target, 0)
	}
	return err
}

func (n *nodeService) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	target := request.GetTargetPath()
	// EINVAL: not a mount point, as after a power cut or a repeated call.
	if err := unix.Unmount(target, 0); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return nil, status.Errorf(codes.Internal, "unmount %s: %v", target, err)
	}
	// Not RemoveAll: if the volume were still mounted, its data would go.
	if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}
