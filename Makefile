# turnout: `make run` tries it, `make test` proves it. Each does all the set-up it needs.
SWIFT ?= swift
BUILD := .build/release
# Of `make simulate`.
SEEDS ?= 100000
# What `make fuzz` fuzzes, and seconds for each target.
TARGET ?= all
SECONDS ?= 5

.PHONY: help run build test lint format simulate fuzz sanitize-address sanitize-thread bench clean setup setup-test setup-bench

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

setup:  ## install the C libraries that the build links (Debian packages)
	@.ci/setup build

setup-test:
	@.ci/setup test

setup-bench:
	@.ci/setup bench

build: setup  ## build the programs, optimised
	$(SWIFT) build -c release --product turnout-edge
	$(SWIFT) build -c release --product turnout-collector
	$(SWIFT) build -c release --product turnout

run: build  ## sign the demo snapshot, start a collector and an edge, and print what to try
	@configs/demo/run.sh $(BUILD)

test: setup-test  ## build everything once, optimised as it is deployed, and run every test
	$(SWIFT) build -c release --build-tests
	$(SWIFT) test -c release --skip-build
	TURNOUT_TEST_DRIVER=epoll $(SWIFT) test -c release --skip-build --filter 'EdgeTests|CollectorTests|ServerTests'

fuzz: setup  ## look for input that breaks a law: TARGET=request SECONDS=60; all of them for 5 s each unless told
	TURNOUT_FUZZ=1 $(SWIFT) build -c release --sanitize=fuzzer -Xswiftc -sanitize=fuzzer,address --product fuzz \
	  --scratch-path .build/fuzz
	@Tests/Fuzz/run.sh .build/fuzz/release/fuzz $(TARGET) $(SECONDS)

sanitize-address: setup-test  ## run the tests with the address sanitizer in all programs
	@.ci/sanitize address

sanitize-thread: setup-test  ## run the tests of what threads share with the thread sanitizer
	@.ci/sanitize thread

lint:  ## check the formatting and the usual mistakes, strictly
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks

format:  ## format the sources in place
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

simulate: setup  ## run the edge and the collector in SEEDS simulated worlds
	$(SWIFT) build -c release --product simulate
	$(BUILD)/simulate --seeds $(SEEDS)

bench: setup-bench  ## measure; each program prints a table
	$(SWIFT) build -c release --product bench-engine
	$(SWIFT) build -c release --product turnout-collector
	$(SWIFT) build -c release --product bench-exposures
	$(SWIFT) build -c release --product turnout-edge
	$(SWIFT) build -c release --product turnout
	$(SWIFT) build -c release --product bench-responder
	$(SWIFT) build -c release --product bench-serve
	$(SWIFT) build -c release --product bench-load
	$(SWIFT) build -c release --product bench-swap
	$(BUILD)/bench-engine
	$(BUILD)/bench-exposures
	$(BUILD)/bench-serve
	$(BUILD)/bench-swap

clean:  ## remove what was built and what the demo wrote
	rm -rf .build run
