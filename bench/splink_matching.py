"""The same cleaned rows matched by Splink 5 on DuckDB, set up as its documentation advises.

Its parameters are learned without labels, as ours are; names are compared by Jaro-Winkler with
term frequencies, surnames without their gender. Numbers and mailboxes stand in two columns each:
the first one for blocking, and a list of all, so that any common one is seen.
"""

import logging

import pandas as pd
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from transforms.matching.name_forms import stem
from transforms.matching.profiles import Profile

# Of 0.5, 0.9, 0.95, 0.99, 0.999 and 0.9999 it has the best F1 on a tuning seed.
THRESHOLD = 0.9


def match_by_splink(profiles: dict[str, Profile]) -> list[list[str]]:
    """Returns rows by person: connected components of the pairs above the threshold."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    logging.getLogger("splink").propagate = False
    api = DuckDBAPI()
    linker = Linker(api.register(_frame(profiles)), _settings())
    linker.training.estimate_probability_two_random_records_match(
        [block_on("mobile", "last"), block_on("box", "last"), block_on("tin", "last", "first")],
        recall=0.9,
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in (block_on("mobile"), block_on("box"), block_on("tin", "last")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    predicted = linker.inference.predict(threshold_match_probability=THRESHOLD)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        predicted, threshold_match_probability=THRESHOLD
    ).as_pandas_dataframe()
    return [list(group) for group in clusters.groupby("cluster_id")["unique_id"].agg(list)]


def _frame(profiles: dict[str, Profile]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": ref,
            "last": stem(row.name.last) or None,
            "first": row.name.first or None,
            "middle": row.name.middle or None,
            "mobile": next(iter(row.mobiles), None),
            "box": next(iter(row.mailboxes), None),
            "tin": next(iter(row.tins), None),
            "mobiles": list(row.mobiles) or None,
            "boxes": list(row.mailboxes) or None,
            "tins": list(row.tins) or None,
        }
        for ref, row in profiles.items()
    )


def _settings() -> SettingsCreator:
    return SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[
            block_on("mobile"),
            block_on("box"),
            block_on("tin", "substr(last, 1, 4)"),
            block_on("tin", "first", "middle"),
        ],
        comparisons=[
            _name("last", []),
            _name("first", [_initial("first")]),
            _name("middle", [_initial("middle")]),
            cl.ArrayIntersectAtSizes("mobiles", [1]),
            cl.ArrayIntersectAtSizes("boxes", [1]),
            cl.ArrayIntersectAtSizes("tins", [1]),
        ],
    )


def _name(column: str, more: list[cll.CustomLevel]) -> cl.CustomComparison:
    return cl.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            cll.NullLevel(column),
            cll.ExactMatchLevel(column, term_frequency_adjustments=True),
            *more,
            cll.JaroWinklerLevel(column, 0.92),
            cll.ElseLevel(),
        ],
    )


def _initial(column: str) -> cll.CustomLevel:
    same_letter = f'substr("{column}_l", 1, 1) = substr("{column}_r", 1, 1)'
    short = f'least(length("{column}_l"), length("{column}_r")) = 1'
    return cll.CustomLevel(f"{same_letter} and {short}", "initial")
