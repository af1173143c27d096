# Only go and make are needed to run, build and test; test-kafka and e2e also need Java, Maven and Python, test-openapi
# Python, the bench targets a JDK and Maven (those of mails Debian's apt, too), test-browser Node and Chromium.
LINT := go tool -modfile=lint/go.mod
SINK := .cache/aiosmtpd-1.4.6
SCHEMATHESIS := .cache/schemathesis-4.32.5
STREAMS := .cache/kafka-streams-4.3.1
POSTFIX := .cache/postfix
NODE_MODULES := .cache/browser/node_modules

# The race detector needs cgo, and go switches cgo off where it finds no C compiler.
RACE     := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
SAY_RACE := $(if $(RACE),,@echo "no C compiler found: testing without the race detector")

# A Kafka that is already there is used as it is.
ifdef KAFKA_BROKER_LIST
WITH_KAFKA :=
else
WITH_KAFKA := .ci/kafka run --
endif

.PHONY: help run build test test-kafka test-permissions test-openapi test-browser fuzz mutants hazards chaos chaos-mail e2e oracle bench bench-restore bench-rebalance bench-mail bench-mail-memory lint fmt clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

run: build ## build and start everything in one process; Ctrl-C stops it
	@exec bin/countersign run

build: ## build bin/countersign
	go build -o bin/countersign ./cmd/countersign

test: ## unit, HTTP and end-to-end tests on the embedded broker
	$(SAY_RACE)
	env -u KAFKA_BROKER_LIST go test $(RACE) -parallel 4 ./...

test-kafka: $(SINK) ## stream, service and end-to-end tests on a real Kafka (KAFKA_BROKER_LIST or a fresh one)
	$(SAY_RACE)
	$(WITH_KAFKA) go test $(RACE) -count=1 -parallel 4 -p 1 ./stream/... ./processors/... ./views/...
	$(WITH_KAFKA) go test -count=1 -parallel 4 ./e2e/... # the binary as it is run: make test has it with the race detector
	go test $(RACE) -count=1 -run Aiosmtpd ./mail
	.ci/kafka run --nodes 3 -- go test $(RACE) -count=1 -run Apply ./stream # moves copies
	env -u KAFKA_BROKER_LIST go test -count=1 -run VisitorPanics ./stream # with the race detector it is skipped

test-permissions: $(SINK) ## TLS, logins and access lists on a real Kafka that wants all three
	$(SAY_RACE)
	.ci/kafka run --secure -- go test $(RACE) -count=1 -run 'Dial_BrokersWant|Dial_Spoken|Allowed|Permission|NoMore|MayNot|Secured' ./stream ./e2e

test-openapi: $(SCHEMATHESIS) ## what the API's descriptions say, against the running binary, by schemathesis
	env -u KAFKA_BROKER_LIST SCHEMATHESIS=$(abspath $<)/bin/python go test -count=1 -timeout 15m -v -run TestOpenAPI ./e2e

test-browser: build $(NODE_MODULES)/.package-lock.json ## the pages and the mails in a real Chromium, the mails by what mail programs show, too (PICTURES=DIR keeps pictures)
	NODE_PATH=$(NODE_MODULES) node --test e2e/browser/pages.test.js e2e/browser/mails.test.js

FUZZTIME := 30s
fuzz: ## each fuzz target for FUZZTIME=30s (10s at least, else some only repeat their corpus); what fails is kept under testdata/fuzz, and make test repeats it
	@grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z_]+' ./* | sed -E 's#/[^/]*:[0-9]+:func # #' | while read -r package target; do \
		echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s "$$package" || exit; done

mutants: ## changes one thing after another in user/: whatever survives the tests, and is not listed as equivalent, fails
	go run ./user/mutants user

hazards: ## what goka does as it comes, beside ours: a table (KAFKA_BROKER_LIST or the embedded broker)
	@HAZARDS=all go test -C stream/hazards $(RACE) -count=1 -timeout 10m

# Brokers that are killed are started often: the JVM's first compiler alone makes that cheap. Their cleaner fills its
# buffer with zeros before each table: by default 128 MiB, which then takes longer than the tables stay clean.
chaos chaos-mail: export JAVA_TOOL_OPTIONS = -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
chaos: CLEANER := --set log.cleaner.dedupe.buffer.size=4194304 --set log.cleaner.backoff.ms=200
chaos: ## counts what is lost or doubled when instances, brokers, network and disks fail (CHAOS_SCALE=0.05: a few of each)
	.ci/kafka run --nodes 3 $(CLEANER) -- env CHAOS=1 go test -count=1 -timeout 30m -parallel 4 -v ./stream/chaos

chaos-mail: ## counts every mail while notifiers die, leave and pause, the relay loses answers, Kafka restarts (FAULTS=1: a few)
	$(WITH_KAFKA) env MAIL_FAULTS=$(or $(FAULTS),3) go test -count=1 -timeout 20m -v -run TestMailFaults ./e2e

e2e: $(SINK) ## 10,000 registrations on a real Kafka with two of each role: counts every mail, prints latencies
	$(WITH_KAFKA) env E2E_LOAD=10000 go test -count=1 -timeout 15m -v -run TestLoad ./e2e

oracle: ## whether the times of 2,000 answers of each kind tell what is known of an address (8 min; ORACLE=300: fewer)
	ORACLE_CALLS=$(or $(ORACLE),2000) go test -count=1 -timeout 15m -v -run TestOracleTimes ./e2e

bench: $(STREAMS)/classes/Streams.class ## both guarantees beside a relay, goka on sarama and Kafka Streams (12 min; BENCH_SCALE=0.2 is shorter)
	$(WITH_KAFKA) go run ./stream/bench throughput --streams=$(STREAMS)

bench-restore: $(STREAMS)/classes/Streams.class ## 1,000,000 rows into an empty store, beside goka on sarama and Kafka Streams
	$(WITH_KAFKA) go run ./stream/bench restore --streams=$(STREAMS)

bench-rebalance: $(STREAMS)/classes/Streams.class ## the longest gap a command sees while members join, restart, leave and are killed, beside Kafka Streams
	$(WITH_KAFKA) go run ./stream/bench rebalance --rounds=10 --streams=$(STREAMS)

bench-mail: $(POSTFIX)/usr/sbin/smtp-source ## 50,000 mails to a local sink beside Postfix's smtp-source: the sender alone, the whole way, and what a tarpit costs others (4 min)
	$(WITH_KAFKA) go run ./mail/bench speed --postfix=$(POSTFIX)
	go test -run '^$$' -bench Tarpit -benchtime 10x ./mail

bench-mail-memory: $(POSTFIX)/usr/sbin/smtp-source ## what the sender and the whole notifier hold while 1,000,000 mails leave (8 min; BENCH_SCALE=0.1: 100,000)
	$(WITH_KAFKA) go run ./mail/bench memory --postfix=$(POSTFIX)

lint: ## vet, staticcheck, import arrows, formatting
	go vet ./...
	$(LINT) staticcheck ./...
	$(LINT) depguard ./...
	@! grep -rn --include='*.go' --exclude-dir=.cache 'DeferCommit(' . || { echo "DeferCommit keeps no order: see stream/hazards"; exit 1; }
	@files=$$($(LINT) gofumpt -l .); test -z "$$files" || { echo "not formatted (make fmt):"; echo "$$files"; exit 1; }

fmt: ## format every Go file
	$(LINT) gofumpt -w .

clean: ## remove what was built and downloaded; keeps .countersign, the data of make run
	rm -rf bin .cache

# What no one here wrote, each in a Python environment of its own: a mail server, and a tester of HTTP APIs.
$(SINK) $(SCHEMATHESIS): .cache/%:
	python3 -m venv $@.part
	$@.part/bin/pip install --quiet --disable-pip-version-check $(subst -,==,$*)
	mv $@.part $@

# Kafka Streams, and what stands for it in the bench.
$(STREAMS): stream/bench/streams/pom.xml
	@command -v mvn >/dev/null || { echo "mvn is missing: install Maven (Debian: maven)" >&2; exit 1; }
	rm -rf $@.part
	mvn -q -B -Dstyle.color=never -f $< -Dkafka.version=$(patsubst .cache/kafka-streams-%,%,$@) dependency:copy-dependencies -DoutputDirectory=$(abspath $@.part)
	rm -rf $@
	mv $@.part $@

$(STREAMS)/classes/Streams.class: stream/bench/streams/Streams.java | $(STREAMS)
	@command -v javac >/dev/null || { echo "javac is missing: install a JDK 17 or later (Debian: default-jdk-headless)" >&2; exit 1; }
	javac -cp '$(STREAMS)/*' -d $(@D) $<

# Postfix's smtp-source and smtp-sink, unpacked and not installed: no mail server is set up.
$(POSTFIX)/usr/sbin/smtp-source:
	@command -v apt-get dpkg-deb >/dev/null || { echo "apt-get is missing: unpack Debian's package postfix into $(POSTFIX)" >&2; exit 1; }
	mkdir -p $(POSTFIX).part
	cd $(POSTFIX).part && apt-get download postfix && dpkg-deb -x postfix_*.deb .
	rm -rf $(POSTFIX) $(POSTFIX).part/*.deb
	mv $(POSTFIX).part $(POSTFIX)

# What the browser test needs, outside the source tree. npm writes this file last.
$(NODE_MODULES)/.package-lock.json: e2e/browser/package.json e2e/browser/package-lock.json
	mkdir -p .cache/browser
	cp $^ .cache/browser
	npm ci --prefix .cache/browser --ignore-scripts --no-audit --no-fund
