# Every target needs only Go, make and git, unless its line says otherwise.
SHELL := /bin/bash
GO ?= go
BIN := bin
export CGO_ENABLED ?= 0
FUZZTIME ?= 10s
JOB ?= examples/jobs/guide.json

.DEFAULT_GOAL := help
.PHONY: help build run verifier-page test test-services lint check generate modules bench fuzz fuzz-wasm torture clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

build: ## build the binaries into bin/
	@mkdir -p $(BIN)
	$(GO) build -trimpath -o $(BIN)/ ./cmd/...

run: build ## run the guide's job end to end and verify its proof (JOB=file for another)
	./$(BIN)/engine run $(JOB) --out qrun
	./$(BIN)/engine proof verify qrun/proof.json --bundle qrun

verifier-page: ## write bin/verifier.html, the verifier as one page for browsers
	@mkdir -p $(BIN)
	$(GO) run ./cmd/verifier/page $(BIN)/verifier.html

test: ## build everything and run every test that needs only Go
	$(GO) build ./...
	$(GO) vet ./...
	$(GO) test ./...

test-services: ## tests that need Debian packages (clang-16, lld-16, qemu-user); CI_STRICT=1 makes an absent tool a failure
	./scripts/test-services.sh

lint: ## gofmt and go vet; golangci-lint too where it is installed
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run; else echo "golangci-lint is not installed: gofmt and go vet only"; fi

check: lint test ## lint and test

generate: ## regenerate committed files that Go programs make (gate table page, golden files)
	$(GO) generate ./...

modules: ## rebuild the wasm modules and plugins/modules.lock (needs clang-16 and lld-16)
	./plugins/build.sh

bench: ## benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./backends/... ./circuit/... ./traps/... ./host/... ./engine/...

fuzz: ## run every fuzz target for FUZZTIME each (default 10s)
	./scripts/fuzz.sh $(FUZZTIME)

fuzz-wasm: ## compare engines on COUNT modules of binaryen's generator (default 50000, hours; needs binaryen, openssl, gcc)
	./scripts/fuzz-wasm.sh $(or $(COUNT),50000) $(or $(SEED),1) $(or $(FIRST),1)

torture: ## one torture at full size: TORTURE=drivers, P1..P14, model, plans or bugs (scripts/torture.sh says what each does)
	@./scripts/torture.sh "$(TORTURE)"

clean: ## remove build products and run output
	rm -rf $(BIN) qrun
