# make demo          sets everything up and shows the main job, no key and no network needed
# make test          sets everything up and passes every fast test
# make test-clients  the real clients (Python, npm, Claude Code, Codex, OpenClaw) through the proxy
# make check         format, lint, types, architecture
# make bench         what conversations cost (docs/benchmark.md), and the measurements in bench/
# make lock          re-resolves requirements/*.txt from pyproject.toml
# make prices        writes prices and docs/providers.md anew, from two lists that it downloads

PYTHON ?= python3
VENV := .venv
LITELLM_VENV := .venv-litellm
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps

.PHONY: demo test test-clients check bench lock prices clean

demo: $(STAMPS)/dev
	@$(BIN)/stitcher demo

test: $(STAMPS)/dev
	$(BIN)/python -m pytest -m "not clients"

test-clients: $(STAMPS)/clients $(STAMPS)/litellm $(STAMPS)/js
	$(BIN)/python -m pytest -m clients

check: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(STAMPS)/clients
	$(BIN)/stitcher bench --markdown
	$(BIN)/python -m bench.history_length
	$(BIN)/python -m bench.overhead
	$(BIN)/python -m bench.library
	$(BIN)/python -m bench.planning
	$(BIN)/python -m bench.placement

lock: $(STAMPS)/uv
	$(BIN)/uv pip compile -q --universal -p 3.11 --no-annotate --no-header --extra proxy --group test --group lint pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile -q --universal -p 3.11 --no-annotate --no-header --extra proxy --group test --group lint --group clients --group peers pyproject.toml -o requirements/clients.txt
	$(BIN)/uv pip compile -q --universal -p 3.11 --no-annotate --no-header --group litellm pyproject.toml -o requirements/litellm.txt

prices: $(STAMPS)/dev
	$(BIN)/python -m scripts.refresh_prices
	$(BIN)/python -m scripts.provider_page

$(STAMPS)/venv:
	@sh scripts/make_venv.sh "$(PYTHON)" "$(VENV)"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/uv: $(STAMPS)/venv requirements/uv.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/uv.txt && touch $@

$(STAMPS)/dev: $(STAMPS)/uv requirements/dev.txt pyproject.toml
	@echo "Setting up $(VENV) (the first time takes a minute) ..."
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q -r requirements/dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps -e .
	@touch $@

$(STAMPS)/clients: $(STAMPS)/dev requirements/clients.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q -r requirements/clients.txt
	@touch $@

# A client that pins an older OpenAI SDK than the tests use: an environment of its own.
$(STAMPS)/litellm: $(STAMPS)/uv requirements/litellm.txt
	@sh scripts/make_venv.sh "$(PYTHON)" "$(LITELLM_VENV)"
	@VIRTUAL_ENV=$(LITELLM_VENV) $(BIN)/uv pip install -q -r requirements/litellm.txt
	@touch $@

$(STAMPS)/js: tests/end_to_end/js/package.json tests/end_to_end/js/package-lock.json scripts/install_js_clients.sh $(STAMPS)/venv
	@if sh scripts/install_js_clients.sh .clients; then touch $@; \
	elif [ -n "$$CI" ]; then exit 1; \
	else echo "Going on without the JavaScript clients: their tests are skipped by name." >&2; fi

clean:
	rm -rf $(VENV) $(LITELLM_VENV) .clients dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
