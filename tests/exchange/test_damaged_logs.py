"""Logs that were damaged on disk: whatever stands in the directory, the conversation goes on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stitcher.simulator.serve import SimulatorThread
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey
from stitcher.verify import verify
from tests.exchange.dialogue import Dialogue
from tests.exchange.messages import assistant, user
from tests.exchange.over_http import Stage, body, reading


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with SimulatorThread() as simulator:
        yield Stage(tmp_path / "data", simulator)


class TestDamagedLogs:
    """Whatever stands in the directory, the conversation goes on."""

    TURNS = 40

    @pytest.fixture
    def written(self, stage: Stage) -> Stage:
        store = JsonlStore(stage.settings.data_dir, durability="os", roll_bytes=6_000)
        talk = Dialogue(store=store)
        for n in range(self.TURNS):
            talk.client(session="s").says(f"m{n}")
        talk.end()
        return stage

    def _asks(self, stage: Stage) -> int:
        """How many messages the provider sees of the session's next request."""
        (heard,) = stage.says(
            "openai_chat",
            body("openai_chat", [user("[[count]]")]),
            **{"X-Stitcher-Session": "s"},
        )
        assert heard.status == 200
        assert heard.said == "stitched"
        return len(json.loads(stage.simulator.requests[-1].decoded)["messages"])

    def _files(self, stage: Stage) -> list[Path]:
        files = sorted(stage.settings.data_dir.rglob("active.*jsonl"))
        assert len(files) >= 4
        return files

    def test_undamaged(self, written: Stage) -> None:
        assert self._asks(written) == 2 * self.TURNS + 1

    def test_a_truncated_last_line(self, written: Stage) -> None:
        active = self._files(written)[-1]
        active.write_bytes(active.read_bytes()[:-5])  # the last line: how the turn ended
        assert self._asks(written) == 2 * self.TURNS + 1

    def test_a_corrupt_line(self, written: Stage) -> None:
        rolled = self._files(written)[2]
        lines = rolled.read_bytes().splitlines(keepends=True)
        lines[1] = b"\xff" * 20 + b"\n"
        rolled.write_bytes(b"".join(lines))
        assert self._asks(written) >= 2

    def test_a_rolled_file_missing_in_the_middle(self, written: Stage) -> None:
        self._files(written)[2].unlink()
        assert self._asks(written) >= 3
        assert self._asks(written) >= 5

    def test_a_log_that_cannot_be_read_goes_unremembered(self, written: Stage) -> None:
        for path in self._files(written):
            path.unlink()
            path.mkdir()
        (heard,) = written.says(
            "openai_chat", body("openai_chat", [user("hi")]), **{"X-Stitcher-Session": "s"}
        )
        assert heard.status == 200
        assert heard.said.startswith("bypass; ")

    def test_a_directory_of_0_1_0_is_continued(self, stage: Stage) -> None:
        folder = stage.settings.data_dir / "old"
        folder.mkdir(parents=True)
        said = [{"role": "system", "content": "Be brief."}, user("one"), assistant("two")]
        lines = [json.dumps({"type": "message", "message": message}) for message in said]
        (folder / "active.001.jsonl").write_text(lines[0] + "\n" + lines[1] + "\n")
        (folder / "active.jsonl").write_text(lines[2] + "\n")
        for n in (3, 5):
            (heard,) = stage.says(
                "openai_chat",
                body("openai_chat", [user("[[count]]")]),
                **{"X-Stitcher-Session": "old"},
            )
            assert heard.status == 200
            messages = json.loads(stage.simulator.requests[-1].decoded)["messages"]
            assert [m["role"] for m in messages[:3]] == ["system", "user", "assistant"]
            assert len(messages) == n + 1
        with reading(stage.settings.data_dir) as store:
            assert verify(store, SessionKey("local", "old")).problems == ()
