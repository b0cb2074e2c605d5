package main

import (
	"context"
	"errors"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// controllerService makes, grows and removes volumes.
type controllerService struct {
	csi.UnimplementedControllerServer
	store store
}

func (c *controllerService) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	var capabilities []*csi.ControllerServiceCapability
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
	} {
		capabilities = append(capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}},
		})
	}
	return &csi.ControllerGetCapabilitiesResponse{Capabilities: capabilities}, nil
}

func (c *controllerService) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if !validID(request.GetName()) {
		return nil, status.Errorf(codes.InvalidArgument, "volume name %q cannot be the name of a folder", request.GetName())
	}
	if reason := unsupported(request.GetVolumeCapabilities()); reason != "" {
		return nil, status.Error(codes.InvalidArgument, reason)
	}
	if request.GetVolumeContentSource() != nil {
		return nil, status.Error(codes.InvalidArgument, "volumes cannot be made from snapshots or other volumes")
	}
	size := request.GetCapacityRange().GetRequiredBytes()
	found, err := c.store.find(request.GetName())
	switch {
	case err == nil && found.CapacityBytes != size:
		return nil, status.Errorf(codes.AlreadyExists, "volume %s exists with %d bytes, not %d", found.ID, found.CapacityBytes, size)
	case err == nil:
		return created(found), nil
	case !errors.Is(err, errNoVolume):
		return nil, status.Error(codes.Internal, err.Error())
	}
	node := chosenNode(request.GetAccessibilityRequirements())
	if node == "" {
		return nil, status.Errorf(codes.ResourceExhausted, "volume %s: no node with the label %s was asked for", request.GetName(), topologyKey)
	}
	made := volume{ID: request.GetName(), Node: node, CapacityBytes: size}
	if err := c.store.create(made); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return created(made), nil
}

func created(v volume) *csi.CreateVolumeResponse {
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId:           v.ID,
		CapacityBytes:      v.CapacityBytes,
		AccessibleTopology: []*csi.Topology{topologyOf(v.Node)},
	}}
}

func topologyOf(node string) *csi.Topology {
	return &csi.Topology{Segments: map[string]string{topologyKey: node}}
}

// chosenNode is the node that the scheduler chose, which comes first among the
// preferred ones, or else any node where the volume may be.
func chosenNode(requirement *csi.TopologyRequirement) string {
	for _, list := range [][]*csi.Topology{requirement.GetPreferred(), requirement.GetRequisite()} {
		for _, topology := range list {
			if node := topology.GetSegments()[topologyKey]; node != "" {
				return node
			}
		}
	}
	return ""
}

func (c *controllerService) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	found, err := c.store.find(request.GetVolumeId())
	if err == nil {
		err = c.store.remove(found)
	}
	if err != nil && !errors.Is(err, errNoVolume) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// ControllerExpandVolume records the larger size. A directory has room at once,
// so nothing is left to do on the node.
func (c *controllerService) ControllerExpandVolume(_ context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	found, err := c.store.find(request.GetVolumeId())
	if err != nil {
		return nil, status.Errorf(codes.NotFound, "volume %s: %v", request.GetVolumeId(), err)
	}
	wanted := request.GetCapacityRange().GetRequiredBytes()
	disk, err := c.store.diskBytes()
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if wanted > disk {
		return nil, status.Errorf(codes.OutOfRange, "volume %s cannot have %d bytes: the node's disk has %d", found.ID, wanted, disk)
	}
	if wanted > found.CapacityBytes {
		found.CapacityBytes = wanted
		if err := c.store.describe(found); err != nil {
			return nil, status.Error(codes.Internal, err.Error())
		}
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: found.CapacityBytes}, nil
}

func (c *controllerService) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if _, err := c.store.find(request.GetVolumeId()); err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	if reason := unsupported(request.GetVolumeCapabilities()); reason != "" {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: reason}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{
		Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{VolumeCapabilities: request.GetVolumeCapabilities()},
	}, nil
}

// unsupported says why a directory of one node cannot be used as asked.
func unsupported(capabilities []*csi.VolumeCapability) string {
	if len(capabilities) == 0 {
		return "volume capabilities are missing"
	}
	for _, capability := range capabilities {
		if capability.GetBlock() != nil {
			return "volumes are directories: volumeMode Block is not supported"
		}
		switch capability.GetAccessMode().GetMode() {
		case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY:
		default:
			return "volumes belong to one node: use access mode ReadWriteOnce"
		}
	}
	return ""
}
