"""A vendor is killed: the next call goes elsewhere, and the ledger tells of both tries."""

from __future__ import annotations

from newcomer_rig import Place, chat, scripted_vendor, until

CONFIG = """
listen: 127.0.0.1:0
demo_key: true
weigh_when_idle: false
workers: 1
channels:
  cheap: {{base_url: "{cheap}"}}
  dear: {{base_url: "{dear}"}}
offers:
  - {{model: scripted, channel: cheap, context: 8192, output_max: 1024,
      rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
  - {{model: scripted, channel: dear, context: 8192, output_max: 1024,
      rates: {{input: 10 CNY/mtok, output: 20 CNY/mtok}}}}
accounts:
  demo: {{}}
"""


def test_killed_vendor_is_one_attempt_not_sent_and_the_next_one_answers(
    place: Place, vendor: str
) -> None:
    with scripted_vendor() as (cheap, process):
        (place.home / "steelyard.yaml").write_text(CONFIG.format(cheap=cheap, dear=vendor))
        with place.serving():
            assert chat(place).choices[0].message.content
            process.kill()
            process.wait()
            assert chat(place).choices[0].message.content
            until(lambda: len(place.json("ledger", "--lines")) == 3)
            second, failed, first = place.json("ledger", "--lines")
    assert (first["offer"], first["outcome"]) == ("cheap/scripted", "completed")
    assert (failed["offer"], failed["outcome"]) == ("cheap/scripted", "not_sent")
    assert (second["offer"], second["outcome"]) == ("dear/scripted", "completed")
    assert failed["attempt_id"].rpartition("-")[0] == second["attempt_id"].rpartition("-")[0]
    assert second["why"] == "fallback"
    assert int(failed["cost_pico"]) == 0
    assert int(second["cost_pico"]) == 10 * int(first["cost_pico"]) > 0
