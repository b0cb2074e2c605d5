# A thin front for meson, the testbed and the scripts; each target installs the Debian packages that
# it needs. `make help` lists them. How each build is configured stands in tools/compile.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

VERSION    := $(shell tools/version)
IMAGE      ?= ghcr.io/etcd-operator/etcd-operator:v$(VERSION)
IMAGE_TAR  := build/etcd-operator-image.tar
# The end-to-end tests' own: the operator with named kill points. Never shipped.
HOOKS_IMAGE := etcd-operator:test-hooks
HOOKS_TAR   := build/etcd-operator-test-hooks-image.tar
# Arguments for pytest, such as PYTEST="-k sizes -x".
PYTEST ?=
# Arguments for tests/run_chaos_wire, such as WIRE="--minutes 5 --seed 7".
WIRE ?=
# Arguments for tests/run_chaos, such as CHAOS="-k leader --repeat 10".
CHAOS ?=
# Arguments for tests/bench/run.py, such as BENCH="--rounds 3".
BENCH ?=
# Arguments for tests/bench/snapshot.py, such as SNAPSHOT="--size 2048 --rounds 3".
SNAPSHOT ?=
# For the simulator: how many seeds from which one, how often each rule must have fired among them.
SEEDS      ?= 10000
FIRST_SEED ?= 1
LEAST      ?= 100

.PHONY: help build debug test unit coverage sanitize tsan fuzz lint format generate image image-test \
	testbed-up testbed-down testbed-status demo sim sim-mutants conformance store e2e chaos chaos-wire bench bench-snapshot clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

build: ## The release build of etcd-operator, etcd-member and crd-gen, in build/release
	@tools/install-packages build
	@tools/compile release

debug: ## The debug build, in build/debug
	@tools/install-packages build
	@tools/compile debug

test: ## Everything: lint, unit tests, sanitizers, fuzzing, end-to-end tests on the testbed
	@tests/run_all

unit: ## Unit tests of the debug build
	@tools/install-packages build python
	@tools/compile debug
	@tests/run_units debug

coverage: ## Unit tests, and the line coverage of src/ that they reach: at least 80 %
	@tools/install-packages build python coverage
	@tools/compile coverage
	@tests/run_units coverage && tools/coverage

sanitize: ## Unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/install-packages build python
	@tools/compile asan
	@tests/run_units asan

tsan: ## Unit tests under ThreadSanitizer
	@tools/install-packages build python
	@tools/compile tsan
	@tests/run_units tsan

fuzz: ## Each fuzz target for FUZZ_SECONDS (5) over its committed corpus
	@tools/install-packages build python fuzz
	@tools/compile fuzz
	@tests/run_fuzz

lint: ## Formatting, static analysis, scripts, manifests, generated files, linked libraries
	@tools/install-packages build lint
	@tools/compile debug
	@tools/compile release
	@tests/run_lint

format: ## Rewrites the C files of src/ and tests/ as clang-format wants them
	@tools/install-packages lint
	@git ls-files -co --exclude-standard 'src/*.[ch]' 'sim/*.[ch]' 'tests/*.[ch]' | xargs clang-format -i

generate: ## The CRDs in deploy/crds and the references in docs/, from the tables
	@tools/install-packages build
	@tools/compile debug
	@tools/generate

image: ## The operator's image as an OCI tar (no Docker needed); IMAGE names it
	@tools/install-packages build image
	@tools/compile release
	@deploy/image/build build/release "$(IMAGE)" "$(IMAGE_TAR)"

image-test: ## The same with the test hooks compiled in, for the end-to-end tests
	@tools/install-packages build image
	@tools/compile hooks
	@deploy/image/build build/hooks "$(HOOKS_IMAGE)" "$(HOOKS_TAR)"

testbed-up: ## A real multi-node Kubernetes on this machine (twice is harmless)
	@testbed/up

testbed-down: ## Stops the testbed and removes all it made
	@testbed/down

testbed-status: ## What of the testbed runs
	@testbed/status

demo: ## Testbed, operator, a three-member TLS cluster, and a put and get through it
	@demo/run

sim: ## Seeds in the simulator: SEEDS=10000 FIRST_SEED=1, each rule in at least LEAST; SEED=N replays one
	@tools/install-packages build
	@tools/compile sim sim/sim
	@tests/run_sim $(if $(SEED),replay $(SEED),seeds $(SEEDS) $(FIRST_SEED) $(LEAST))

sim-mutants: ## Each deliberate fault of src/base/mutant.h must be found by the simulator
	@tools/install-packages build python
	@tools/compile mutants sim/sim
	@tests/run_sim_mutants

conformance: ## The clients of etcd and Kubernetes against the real ones (testbed, or KUBECONFIG)
	@tools/install-packages build python
	@tools/compile debug
	@tests/run_conformance

store: ## The object stores' clients against servers that verify signatures and tokens, on this machine
	@tools/install-packages build store
	@tools/compile debug
	@tests/run_store

e2e: ## End-to-end tests against KUBECONFIG, or against the testbed when it is not set
	@tools/install-packages e2e
	@tests/run_e2e $(PYTEST)

chaos: ## Faults on the testbed while a client writes: no acknowledged write may be lost; CHAOS holds arguments
	@tools/install-packages e2e
	@tests/run_chaos $(CHAOS)

chaos-wire: ## 20 minutes of a hostile wire between operator and API server; WIRE holds arguments
	@tools/install-packages e2e
	@tests/run_chaos_wire $(WIRE)

bench: image ## The measurements of docs/performance.md, on the testbed; BENCH holds arguments
	@tools/install-packages e2e
	@tests/run_bench $(BENCH)

bench-snapshot: ## Snapshots against etcdctl, and into an S3 server; SNAPSHOT="--size 2048" for more
	@tools/install-packages build bench
	@tools/compile debug
	@tests/run_bench_snapshot $(SNAPSHOT)

clean: ## Removes build/ (the testbed's cache is kept)
	rm -rf build
