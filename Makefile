# submirror: `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup all demo test lint clean lab-shell bench bench-control bench-gateway root

# Said once, in the words of whoever is not root.
root:
	@[ "$$(id -u)" = 0 ] || { echo "$(MAKECMDGOALS) makes network namespaces and loads eBPF programs, which needs root: sudo make $(MAKECMDGOALS)" >&2; exit 2; }

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing: Debian packages (as root), npm packages
	@scripts/setup.sh

all: setup ## build everything
	@$(MAKE) --no-print-directory -C bpf
	@$(MAKE) --no-print-directory -C native
	@$(MAKE) --no-print-directory -C test/bpf
	@node_modules/.bin/tsc -b
	@chmod +x dist/src/cli/main.js

demo: root all ## show it: namespaces, real RADIUS, real traffic, and the proof in a table
	@node dist/test/lab/demo.js

test: root all ## all tests; ONLY="unit lab" for some groups, VERBOSE=1 for every line
	@scripts/test.sh $(ONLY)

bench: root all ## measure against what Linux has for mirroring; QUICK=1 takes under a minute
	@scripts/setup.sh bench
	@$(MAKE) --no-print-directory -C bench
	@node dist/bench/run.js

bench-control: root all ## measure the control plane: events, activation, rebuild, memory; QUICK=1 takes under a minute
	@$(MAKE) --no-print-directory -C bench
	@node dist/bench/control/run.js

bench-gateway: root all ## the gateway beside FreeRADIUS as a plain proxy; QUICK=1 takes under a minute
	@node dist/bench/gateway/run.js

lab-shell: root all ## the demonstration's lab with a shell on the edge, to look around
	@node dist/test/lab/shell.js

lint: all ## oxlint, biome, generated code and reference are up to date, shellcheck where it is there; compilers warn in `all`
	@node_modules/.bin/oxlint --type-aware --deny-warnings
	@node_modules/.bin/biome ci --error-on-warnings .
	@scripts/generate.sh --check
	@$(MAKE) --no-print-directory -C bench layout CHECK=--check
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run deploy/*.sh deploy/image/*.sh test/lab/parts/*.sh; fi

clean: ## remove what was built
	rm -rf dist build native/dist native/build *.tsbuildinfo lab-out
