# Two commands do all the set-up: `make demo` and `make test`. Everything lands in .venv and, for weights, in the model shelf.
PYTHON ?= python3
BIN := .venv/bin
DEMO := demo-workspace
.PHONY: test-hostile sbom audit lock licences demo test install bench bench-speech evaluate evaluate-masking bench-review bench-gpu bench-insight lint clean test-faults bench-scale

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt install.py
	$(PYTHON) install.py
	@touch $@

# Exit code 1 means "some calls failed, the others are done": the samples hold a broken file on purpose.
demo: install
	$(BIN)/tingjian run data/sample --workspace $(DEMO) || [ $$? -eq 1 ]
	$(BIN)/tingjian show sample-003 --workspace $(DEMO)
	$(BIN)/tingjian export --workspace $(DEMO) --drafts $(DEMO)/drafts.jsonl --excel $(DEMO)/cards.xlsx
	$(BIN)/tingjian page --workspace $(DEMO) --out $(DEMO)/pages
	@echo "Open $(DEMO)/pages/index.html in a browser, $(DEMO)/cards.xlsx in a spreadsheet."

# Two processes, a file of tests in one of them, in the order of tests/conftest.py: half the time on two cores; each takes up to 3 GB.
test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: install
	$(BIN)/ruff check .
	$(BIN)/basedpyright

# Speed and memory. Each prints its machine; run them on a machine that does nothing else.
bench: install
	$(BIN)/python bench/throughput.py
	$(BIN)/python bench/long_recording.py
	$(BIN)/python -m bench.lexicon_baseline data/sample/gold.jsonl --rules 50 500

# Mandarin telephone calls, spoken, sent down the line and heard again; writes docs/accuracy.md (bench/speech/README.md). About an hour.
bench-speech: install
	$(BIN)/python -m pip install -q --group voices -c constraints.txt
	$(BIN)/python -m bench.speech --models base small --page docs/accuracy.md

# Recognition on a GPU: batches across calls beside faster-whisper's own pipelines. On a machine with one.
bench-gpu: install
	$(BIN)/python -m bench.gpu

# The workbench with 200,000 cards and 50 reviewers at work, on SQLite and, where there is one, PostgreSQL. Some 20 minutes.
bench-review: install
	$(BIN)/python -m bench.workbench

# A year of calls out of a seed: trend, rising phrases, appraisal, beside pandas and DuckDB; CALLS=1000000 makes it smaller.
bench-insight: install
	$(BIN)/python -m pip install -q pyarrow -c constraints.txt
	$(BIN)/python bench/questions.py --calls $(or $(CALLS),10000000)

# Accuracy on the samples' true transcripts, and on calls by authors who had not read the rules and from which nothing was learnt
# (data/blind); GOLD="file.jsonl …" adds labelled calls of your own.
evaluate: install
	$(BIN)/tingjian evaluate data/sample/gold.jsonl $(GOLD) --noise 0.1
	$(BIN)/tingjian evaluate data/blind/dialects.jsonl --organisations data/blind/dialects-companies.txt --noise 0.1
	$(BIN)/tingjian evaluate data/blind/fourth.jsonl --noise 0.1
	$(BIN)/tingjian evaluate data/blind/sixth.jsonl --noise 0.1

# Hostile input of every kind, really tried, a line an outcome (tests/hostile/); a short form is in `make test`.
test-hostile: install
	$(BIN)/python -m tests.hostile

# Supply chain: the lock with hashes, the list of licences, a bill of materials, and independent scanners (SECURITY.md).
lock: install
	$(BIN)/python supply/lock.py

licences: install
	$(BIN)/python supply/licences.py

# In an environment of their own: the scanners need other versions than the product. schemathesis asks a running API: API=http://127.0.0.1:8710/api/v1
audit:
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install -q --upgrade pip
	.venv-audit/bin/python -m pip install -q --group audit
	.venv-audit/bin/bandit -q -r tingjian.py records.py settings.py days.py pipeline models rules flows store insight review --severity-level medium || true
	$(PYTHON) -m venv .venv-semgrep
	.venv-semgrep/bin/python -m pip install -q "semgrep>=1.185"
	PATH="$(CURDIR)/.venv-semgrep/bin:$$PATH" semgrep scan -q --metrics off --disable-version-check --config supply/semgrep.yaml tingjian.py records.py settings.py pipeline models rules flows store insight review || true
	.venv-audit/bin/pip-audit --no-deps --disable-pip -r requirements.lock || true
	$(if $(API),.venv-audit/bin/schemathesis run $(API)/openapi.json --header "Authorization: Bearer $(TOKEN)",@echo "schemathesis: give API= and TOKEN=")

sbom: install
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install -q --group audit
	.venv-audit/bin/cyclonedx-py environment $(BIN)/python --of JSON -o sbom.cdx.json

# Precision and recall of masking per kind, clean and with noise; LABELLED="file.jsonl …" takes sentences of your own instead.
evaluate-masking: install
	$(BIN)/python -m bench.masking $(LABELLED)

# Faults really made (tests/faults), a line each; some ten minutes.
test-faults: install
	$(BIN)/python -m tests.faults

# What 5,000 short calls cost beside recognition, and an hour of audio alone and on two workers; QUICK=--quick for a look.
bench-scale: install
	$(BIN)/python bench/scale.py $(QUICK)

clean:
	rm -rf .venv $(DEMO) build dist *.egg-info
