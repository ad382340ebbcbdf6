"""Configuration: what differs is laid over the packaged file; what is wrong is one line that says what is allowed."""

from decimal import Decimal

import pytest

from research.configuration import ConfigurationError, load_configuration, packaged
from research.profiles import load_profile


def message_of(tmp_path, text, name="own.toml", load=load_configuration):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load(path if load is load_configuration else str(path))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_the_packaged_files_are_sound():
    assert load_configuration().account.cash == Decimal(10000)
    assert [load_profile(name).name for name in ("trifecta", "research")] == ["trifecta", "research"]


def test_a_file_says_only_what_differs(tmp_path):
    (tmp_path / "own.toml").write_text(
        '[account]\ncash = "250.5"\n[desks.forex.params]\nfast = 7\n[instrument.EURUSD]\nspread_ticks = 3\n'
    )
    base, own = load_configuration(), load_configuration(tmp_path / "own.toml")
    assert own.account.cash == Decimal("250.5")
    assert own.account.currency == base.account.currency
    assert own.desks.forex.params == {"fast": 7.0}
    assert own.instrument["EURUSD"].spread_ticks == 3
    assert own.model_copy(update={"account": base.account, "desks": base.desks, "instrument": {}}) == base


@pytest.mark.parametrize("name", ["own.yaml", "own.yml"])
def test_yaml_says_the_same_as_toml(tmp_path, name):
    (tmp_path / name).write_text('account: {cash: "250.5"}\ndesks:\n  forex:\n    params: {fast: 7}\n')
    (tmp_path / "own.toml").write_text('[account]\ncash = "250.5"\n[desks.forex.params]\nfast = 7\n')
    assert load_configuration(tmp_path / name) == load_configuration(tmp_path / "own.toml")


def test_an_empty_file_changes_nothing(tmp_path):
    for name in ("own.toml", "own.yaml"):
        (tmp_path / name).write_text("# nothing yet\n")
        assert load_configuration(tmp_path / name) == load_configuration()


def test_a_profile_may_be_a_file_of_either_kind(tmp_path):
    import json
    import tomllib

    text = packaged("profiles", "trifecta.toml").read_text()
    (tmp_path / "own.toml").write_text(text.replace('name = "trifecta"', 'name = "own"'))
    values = tomllib.loads(text) | {"name": "own"}
    (tmp_path / "own.yaml").write_text(json.dumps(values))  # JSON is YAML
    assert load_profile(str(tmp_path / "own.toml")) == load_profile(str(tmp_path / "own.yaml"))
    assert load_profile(str(tmp_path / "own.toml")).name == "own"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[acount]\ncash = 5", 'acount = {"cash": 5} is unknown; did you mean account? (allowed here: account,'),
        ("[venues]\nlatency_s = 1", "venues.latency_s = 1 is unknown; did you mean latency_ms? (allowed here: latency"),
        ("[desks.forex]\nstop = 5", "desks.forex.stop = 5 is unknown"),
        ("[instrument.EURUSD]\nspread = 5", "instrument.EURUSD.spread = 5 is unknown; did you mean spread_ticks?"),
        ("[account]\ninitial_cash = 5", "account.initial_cash = 5 is retired; use account.cash"),
        ("[desks.forex]\nmin_confidence = 0.6", "desks.forex.min_confidence = 0.6 is retired; use confidence_min"),
        ("[account]\ncash = 0", "account.cash = 0: more than 0 is allowed"),
        ("[account]\ncash = 2e9", "account.cash = 2000000000.0: at most 1000000000 is allowed"),
        ("[account]\ncash = true", 'account.cash = true: a number is allowed, as 100 or "100.25"'),
        ('[account]\ncash = "10000 USD"', 'account.cash = "10000 USD": a number is allowed, as 100 or "100.25"'),
        ('[account]\ncash = "0.0000001"', 'account.cash = "0.0000001": at most 6 decimal places are allowed'),
        ("[account]\ncash = nan", "account.cash = NaN: a finite number is allowed"),
        ("[account]\ncash = inf", "account.cash = Infinity: a finite number is allowed"),
        ("[account]\ncash = 2020-01-01", 'account.cash = "2020-01-01": a number is allowed'),
        ('[account]\ncurrency = "usd"', 'account.currency = "usd": text that matches ^[A-Z]{3,5}$ is allowed'),
        ("account = 5", "account = 5: a table of keys and values is allowed"),
        ('[data]\nforex_timeframe = "2m"', "data.forex_timeframe = \"2m\": '1m', '3m', '5m', '15m', '30m', '1h'"),
        ('[data]\nforex_symbols = "EURUSD"', 'data.forex_symbols = "EURUSD": a list is allowed'),
        ("[data]\nforex_symbols = [5]", "data.forex_symbols.0 = 5: text is allowed"),
        ("[data]\nforex_days_max = inf", "data.forex_days_max = Infinity: a finite number is allowed"),
        ("[venues]\nlatency_ms = 0", "venues.latency_ms = 0: at least 0.001 is allowed"),
        ("[venues]\nlatency_ms = 70000", "venues.latency_ms = 70000: at most 60000 is allowed"),
        ("[instruments]\nslippage_ticks = -1", "instruments.slippage_ticks = -1: at least 0 is allowed"),
        ("[instruments]\nslippage_ticks = 1.5", "instruments.slippage_ticks = 1.5: a whole number is allowed"),
        ('[desks.forex]\nauto_execute = "yes"', 'desks.forex.auto_execute = "yes": true or false is allowed'),
        ("[desks.forex]\nbudget_fraction = 50", "desks.forex.budget_fraction = 50: at most 1 is allowed"),
        ('[desks.forex]\npolicy = "magic"', 'desks.forex.policy = "magic": confluence or sma_cross or trend_reversion'),
        ('[desks.binary]\npolicy = "convergence"', 'desks.binary.policy = "convergence": drifting_digital is allowed'),
        ("[desks.forex.params]\nspeed = 5", "desks.forex.params: policy trend_reversion: parameter 'speed' is unknown"),
        ("[desks.forex.params]\nfast = 0", "desks.forex.params: policy trend_reversion: fast = 0.0; allowed is a"),
        ('[desks.forex.params]\nfast = "5"', 'desks.forex.params.fast = "5": a number is allowed'),
        ('[desks.arbitrage]\nhold_s = "2min"', 'desks.arbitrage.hold_s = "2min": a number is allowed'),
        ("[desks.arbitrage]\nenter_ticks = 10000000000000000000000", "desks.arbitrage.enter_ticks = 10000000000000000"),
        ("[desks.binary]\npayout = 0", "desks.binary.payout = 0: more than 0 is allowed"),
        ("[rates]\nUSDT = 0", "rates.USDT = 0: more than 0 is allowed"),
        ("[report]\nsample_s = 1e-9", "report.sample_s = 1e-09: at least 1 is allowed"),
        ("cash = ", "not TOML: Invalid value (at end of document)"),
        ("[account]\ncash = 1\ncash = 2", "not TOML: Cannot overwrite a value"),
        (b"[account]\ncash = \xff", "not UTF-8 text (byte 17)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(tmp_path, text, message):
    assert message_of(tmp_path, text).startswith(message)


def test_several_mistakes_are_told_at_once(tmp_path):
    message = message_of(tmp_path, "[account]\ncash = 0\n[report]\nsample_s = 0\n")
    assert message == (
        f"account.cash = 0: more than 0 is allowed; {tmp_path / 'own.toml'}: report.sample_s = 0: at least 1 is allowed"
    )
    many = "".join(f"[{name}]\nx = 1\n" for name in ("account", "data", "venues", "report", "instruments"))
    assert message_of(tmp_path, many).endswith("; and 2 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("account: [1, 2]", "account = [1, 2]: a table of keys and values is allowed"),
        ("- 1\n- 2", "a table of keys and values is allowed, this is a list"),
        ("just words", "a table of keys and values is allowed, this is a str"),
        ("account: {cash: 1, cash: 2}", "cash stands twice in one table; once is allowed"),
        ("account: {cash: .nan}", "account.cash = NaN: a finite number is allowed"),
        ("yes: 5", "yes as a key: text is allowed; put it in quotes"),
        ("account: &a {cash: 5}\ndata: *a", "an alias (*name) is not allowed; write the value out"),
        ("account: &a\n  b: *a", "an alias (*name) is not allowed; write the value out"),
        ("account: {cash: !!python/object:os.system x}", "not YAML: could not determine a constructor for the tag"),
        ("account: {cash", "not YAML: while parsing a flow mapping"),
        ("a: b: c", "not YAML: mapping values are not allowed here"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
    ],
)
def test_what_is_wrong_with_yaml_is_one_line(tmp_path, text, message):
    assert message_of(tmp_path, text, "own.yaml").startswith(message)


def test_what_is_no_file_cannot_be_read(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_configuration(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        load_configuration(tmp_path)


def test_an_unknown_profile_is_answered_with_the_known(tmp_path):
    for name in ("wild", "", "../trifecta", "sub/trifecta"):
        with pytest.raises(
            ConfigurationError, match=r"is unknown; known are .*, research, .*, trifecta, or the path of a"
        ):
            load_profile(name)
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_profile(str(tmp_path / "own.toml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("confidence_min = 0.6", "confidence_min = 60", "forex.confidence_min = 60: at most 1 is allowed"),
        ("loss_streak_max = 5", "loss_streak_max = -5", "limits.loss_streak_max = -5: at least 0 is allowed"),
        ("loss_streak_max = 5", "", "limits.loss_streak_max is missing"),
        ("trades_per_day_max = 50", "max_trades_per_day = 50", "limits.max_trades_per_day = 50 is retired; use"),
        ('day_time_zone = "UTC"', 'day_time_zone = "CET"', "day_time_zone = \"CET\": 'UTC' is allowed"),
        ("cooldown_seconds = [0, 0, 300, 900, 1800]", "cooldown_seconds = []",
         "limits.cooldown_seconds = []: at least one number is allowed, the pause after no loss in a row"),
        ("cooldown_seconds = [0, 0, 300, 900, 1800]", "cooldown_seconds = [0, 1e30]",
         "limits.cooldown_seconds.1 = 1e+30: a whole number is allowed"),
        ("[[0.8, 1.0], [0.65, 0.75], [0.0, 0.5]]", "[]", "forex.size_multipliers = []: at least one pair"),
        ("[[0.8, 1.0], [0.65, 0.75], [0.0, 0.5]]", "[[0.5, 1.0], [0.8, 0.5]]",
         "forex.size_multipliers = [[0.5, 1.0], [0.8, 0.5]]: at least one pair [least score, size] is allowed"),
        ("expiry_seconds = [60]", "expiry_seconds = []", "binary.expiry_seconds = []: at least one expiry is allowed"),
        ('drawdown_max = "1000"', 'drawdown_max = "1e30"', 'limits.drawdown_max = "1e30": at most 1000000000000 is'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_profile_is_one_line(tmp_path, old, new, message):
    text = packaged("profiles", "trifecta.toml").read_text()
    assert old in text
    assert message_of(tmp_path, text.replace(old, new), load=load_profile).startswith(message)
