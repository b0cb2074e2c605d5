package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// store is the folder of all volumes: NODE/ID is a volume's data and
// NODE/ID.json what was promised about it. The file is written last and removed
// last, so that a volume without one was never handed out.
type store struct {
	folder string
}

type volume struct {
	ID            string `json:"id"`
	Node          string `json:"node"`
	CapacityBytes int64  `json:"capacityBytes"`
}

var errNoVolume = errors.New("no such volume")

func errNotRegistered(reason string) error {
	return fmt.Errorf("the kubelet did not accept the driver: %s", reason)
}

// validID keeps ids, which become names of folders, inside the store.
func validID(id string) bool {
	return id != "" && id[0] != '.' && !strings.ContainsAny(id, "/*?[\\")
}

func (s store) data(v volume) string        { return filepath.Join(s.folder, v.Node, v.ID) }
func (s store) description(v volume) string { return s.data(v) + ".json" }

func (s store) find(id string) (volume, error) {
	if !validID(id) {
		return volume{}, errNoVolume
	}
	matches, err := filepath.Glob(filepath.Join(s.folder, "*", id+".json"))
	if err != nil {
		return volume{}, err
	}
	if len(matches) == 0 {
		return volume{}, errNoVolume
	}
	text, err := os.ReadFile(matches[0])
	if err != nil {
		return volume{}, err
	}
	var found volume
	if err := json.Unmarshal(text, &found); err != nil {
		return volume{}, fmt.Errorf("%s: %w", matches[0], err)
	}
	return found, nil
}

func (s store) create(v volume) error {
	if err := os.MkdirAll(s.data(v), 0o755); err != nil {
		return err
	}
	return s.describe(v)
}

// describe writes down what is promised about a volume, or a larger promise.
func (s store) describe(v volume) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	unfinished := s.description(v) + ".new"
	if err := os.WriteFile(unfinished, text, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, s.description(v))
}

// diskBytes is the size of the disk that all volumes share.
func (s store) diskBytes() (int64, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(s.folder, &disk); err != nil {
		return 0, fmt.Errorf("%s: %w", s.folder, err)
	}
	return int64(disk.Blocks) * disk.Bsize, nil
}

func (s store) remove(v volume) error {
	if err := os.RemoveAll(s.data(v)); err != nil {
		return err
	}
	return os.Remove(s.description(v))
}
