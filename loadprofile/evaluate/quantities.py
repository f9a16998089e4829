"""Which evidence speaks of which planted kind: the table behind "the top evidence names the quantity".

For each kind of anomaly the signatures whose quantity the kind alters by its own physics. Written down
from what the kinds do, not from what the sub-detectors were seen to say: a kind whose top evidence is some
other true but general statement counts as not explained.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_BY_CAUSE: Mapping[str, Mapping[str, str]] = {
    "data_mismatch": {
        "wrong_factor": "rational_step scaled_grid cohort_factor zero_factor unit_mix register_sum",
        "unit_mix": "unit_mix scaled_grid rational_step cohort_factor register_sum",
        "block_gaps": "shared_gap midnight_gap missing_tail",
        "zero_filled": "zero_factor register_sum",
        "sentinels": "sentinel spike register_sum",
        "spikes": "spike sentinel register_sum",
        "half_interval": "rational_step cohort_factor scaled_grid register_sum",
        "double_interval": "other_interval",
        "duplicated_days": "copied_days",
        "filled": "flat_fill linear_fill copied_days",
        "estimated": "copied_days flat_fill linear_fill",
        "swapped": "swapped register_sum",
        "time_shift": "time_shift",
        "incomplete_transfer": "cut_evenings missing_tail shared_gap midnight_gap register_sum",
        "delivery_stopped": "missing_tail shared_gap",
        "negative_rows": "negative register_sum",
        "coarse_export": "rounded scaled_grid",
        "spread_over_slots": "linear_fill",
        "index_for_energy": "index_for_energy register_sum",
        "field_overflow": "sentinel register_sum",
        "columns_shifted": "swapped register_sum",
        "day_month_swapped": "swapped_dates",
        "rows_lost": "shared_gap midnight_gap other_interval",
        "days_accumulated": "days_in_one_reading",
    },
    "maintenance": {
        "phase_lost": "lost_phase reported_by_meter",
        "two_phases_lost": "lost_phase reported_by_meter",
        "slow_register": "slow_decline",
        "fast_register": "scaled_load rising_gain",
        "stuck_register": "stuck_register dead_register",
        "dead_meter": "dead_register stuck_register",
        "dying_meter": "rising_gaps sum_after_gap reported_by_meter",
        "frozen_display": "sum_after_gap",
        "clock_drift": "clock_drift reported_by_meter",
        "coarse_pulses": "counted_in_lumps coarse_counting noisy_readings",
        "lost_pulses": "scaled_load lost_phase noisy_readings coarse_counting compression",
        "saturation": "compression",
        "starting_current": "not_started",
        "loose_terminal": "zeros_off_and_on noisy_readings reported_by_meter",
        "clock_reset": "clock_drift reported_by_meter",
        "unsteady_register": "noisy_readings",
        "bouncing_contact": "scaled_load lost_phase noisy_readings",
        "transformer_exchanged": "scaled_load lost_phase reported_by_meter",
    },
    "cyber_attack": {
        "replay": "replayed_days",
        "scaled_readings": "common_factor forged_numbers same_slot",
        "coordinated_ramp": "same_slot forged_numbers common_factor",
        "noise_injected": "forged_numbers",
        "price_reorder": "price_shift sorted_days",
        "sorted_readings": "sorted_days price_shift",
        "load_switched_on": "coordinated_jumps same_slot",
        "load_switched_off": "coordinated_jumps same_slot",
        "load_oscillated": "coordinated_jumps same_slot",
        "mass_disconnect": "mass_disconnect",
        "slots_dropped": "slots_dropped",
        "common_readings": "common_series forged_numbers",
        "window_falsified": "same_slot forged_numbers price_shift",
        "fleet_frozen": "mass_freeze",
        "clocks_set_off": "same_slot",
        "slots_shuffled": "shuffled_slots",
        "random_readings": "forged_numbers same_slot",
        "false_price": "coordinated_jumps price_shift same_slot",
    },
    "super_consumption": {
        "sustained_increase": "sustained_increase rising_use",
        "night_block": "night_block",
        "scheduled_load": "night_block day_block constant_load sustained_increase",
        "constant_load": "constant_load sustained_increase",
        "third_party": "neighbour_on_top sustained_increase",
        "solar_evening_draw": "photovoltaics evening_draw",
        "second_cycle": "night_block sustained_increase",
        "daytime_business": "day_block sustained_increase",
        "charging_point": "car_charging sustained_increase",
    },
    "fraud": {
        "full_bypass": "nearly_nothing drop",
        "partial_bypass": "drop nearly_nothing",
        "one_phase_bypass": "drop",
        "night_bypass": "bypass_window zero_windows on_and_off",
        "weekend_bypass": "weekend_drop",
        "on_off_bypass": "on_and_off zero_windows",
        "daily_window": "bypass_window zero_windows",
        "peak_cap": "own_ceiling capped",
        "ramp_bypass": "ramped_down drop",
        "constant_subtraction": "constant_subtracted zero_windows",
        "appliance_before_meter": "drop capped bypass_window",
        "flattened": "flattened",
        "price_dodge": "bypass_window reversed_day flattened",
        "outage_then_drop": "outage_then_drop drop",
        "pulled_meter": "pulled_meter nearly_nothing",
        "private_meter": "nearly_nothing on_and_off drop",
        "stolen_from_first_day": "low_from_the_start capped flattened",
        "magnet": "drop on_and_off zero_windows nearly_nothing",
        "heavy_days": "capped drop on_and_off",
        "jokar_h1": "drop random_scaling",
        "jokar_h2": "zero_windows",
        "jokar_h3": "random_scaling drop",
        "jokar_h4": "random_numbers random_scaling flattened drop",
        "jokar_h5": "flattened",
        "jokar_h6": "reversed_day",
        "fdi_1": "random_scaling drop",
        "fdi_2": "zero_windows constant_subtracted",
        "fdi_3": "own_ceiling capped flattened",
        "fdi_4": "zero_windows",
        "fdi_5": "random_numbers random_scaling flattened drop",
        "fdi_6": "reversed_day",
        "altamimi_cap": "own_ceiling capped",
        "altamimi_ramp": "ramped_down drop",
        "altamimi_spread": "flattened capped",
        "altamimi_swap": "borrowed_load drop",
        "altamimi_on_off": "on_and_off zero_windows",
    },
}

QUANTITIES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        kind: frozenset(f"{cause}.{name}" for name in names.split())
        for cause, kinds in _BY_CAUSE.items()
        for kind, names in kinds.items()
    }
)
"""Kind -> dotted evidence names (``cause.signature``) that speak of what the kind does."""
