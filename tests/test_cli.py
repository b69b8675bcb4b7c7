"""The commands that look and do not touch."""

from tests.conftest import Politune


def test_help_lists_the_commands(politune: Politune) -> None:
    shown = politune("--help").stdout
    for command in ("run", "check", "explain", "report", "plugins", "components", "doctor"):
        assert f"\n  {command} " in shown


def test_plugins_come_with_their_distribution(politune: Politune) -> None:
    lines = politune("plugins").stdout.splitlines()
    assert any(line.split()[:2] == ["lora", "politune-harness"] for line in lines)


def test_components_show_fields_defaults_and_meaning(politune: Politune) -> None:
    shown = politune("components", "filter").stdout
    assert "min-words" in shown
    assert "words = 20" in shown
    for kind in ("source", "filter", "instructions", "trainer", "generator", "metric"):
        assert f"{kind}\n" in politune("components").stdout


def test_check_passes_the_quickstart(politune: Politune) -> None:
    done = politune("check", "quickstart")
    assert done.stdout.startswith("ok: "), done.stderr


def test_doctor_sees_versions_tasks_and_extras(politune: Politune) -> None:
    done = politune("doctor")
    assert done.returncode == 0, done.stdout
    assert "lm-eval sees our tasks" in done.stdout
    for extra in ("openai", "vllm"):
        line = next(line for line in done.stdout.splitlines() if f"extra {extra}: " in line)
        assert "installed (" in line or f"pip install 'politune-harness[{extra}]'" in line
