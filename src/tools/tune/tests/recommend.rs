//! Tests of the choice of a variant.

use super::super::figures::{Figure, Figures};
use super::super::recommend::{Candidate, Choice, choose};
use super::super::variant::Variant;
use super::{balanced, figures, kernel};

/// Sessions/s, MiB/s and processor time of a variant, and the noise of each.
type Measured = (Variant, (f64, f64, f64), f64);

fn chosen(measured: &[Measured]) -> Option<Choice> {
    let figures: Vec<Figures> = measured
        .iter()
        .map(|(_, medians, noise)| figures(*medians, *noise))
        .collect();
    let candidates = measured.iter().zip(&figures);
    let candidates: Vec<Candidate<'_>> = candidates
        .map(|((variant, ..), figures)| Candidate {
            variant: *variant,
            figures,
        })
        .collect();
    choose(&candidates)
}

// Name, measurements, recommended variant, and whether it is near the best.
const NEAR: &[(&str, &[Measured], Variant, bool)] = &[
    (
        "one variant is its own best",
        &[(balanced(1), (0.0, 0.0, 0.0), 0.0)],
        balanced(1),
        true,
    ),
    (
        "a tie goes to the fewest",
        &[
            (balanced(1), (100.0, 10.0, 1.0), 0.0),
            (balanced(2), (100.0, 10.0, 1.0), 0.0),
            (balanced(3), (100.0, 10.0, 1.0), 0.0),
        ],
        balanced(1),
        true,
    ),
    (
        "best at 1",
        &[
            (balanced(1), (120.0, 12.0, 1.0), 0.0),
            (balanced(2), (100.0, 10.0, 1.0), 0.0),
        ],
        balanced(1),
        true,
    ),
    (
        "best at N",
        &[
            (balanced(1), (50.0, 5.0, 1.0), 0.01),
            (balanced(2), (94.0, 9.4, 1.0), 0.01),
            (balanced(4), (100.0, 10.0, 9.0), 0.01),
        ],
        balanced(4),
        true,
    ),
    (
        "within 5 % of the best is enough",
        &[
            (balanced(1), (50.0, 5.0, 1.0), 0.0),
            (balanced(2), (95.5, 9.6, 1.0), 0.0),
            (balanced(4), (100.0, 10.0, 1.0), 0.0),
        ],
        balanced(2),
        true,
    ),
    (
        "one throughput alone is not",
        &[
            (balanced(1), (100.0, 5.0, 1.0), 0.0),
            (balanced(2), (100.0, 10.0, 1.0), 0.0),
        ],
        balanced(2),
        true,
    ),
    (
        "what falls on all in a round is no difference, and hides none",
        &[
            (balanced(1), (85.0, 8.5, 1.0), 0.4),
            (balanced(2), (100.0, 10.0, 1.0), 0.4),
        ],
        balanced(2),
        true,
    ),
    (
        "each placement may be near in one",
        &[
            (balanced(1), (50.0, 5.0, 1.0), 0.0),
            (balanced(2), (100.0, 9.0, 1.0), 0.0),
            (kernel(2), (90.0, 10.0, 1.0), 0.0),
        ],
        balanced(2),
        true,
    ),
    (
        "near in neither: the least behind in the worse one",
        &[
            (balanced(1), (50.0, 10.0, 1.0), 0.0),
            (balanced(2), (80.0, 9.0, 1.0), 0.0),
            (balanced(3), (100.0, 7.0, 1.0), 0.0),
        ],
        balanced(2),
        false,
    ),
];

#[test]
fn the_fewest_shards_that_are_near_the_best_in_both() {
    for (name, measured, variant, near) in NEAR {
        let choice = chosen(measured).unwrap();
        assert_eq!((choice.variant, choice.near), (*variant, *near), "{name}");
        assert_eq!(choice.lags.len(), measured.len(), "{name}");
    }
}

#[test]
fn of_two_placements_the_first_unless_the_other_is_clearly_better() {
    let table: &[(&str, (f64, f64, f64), Variant)] = &[
        (
            "takes less time by more than 5 %",
            (100.0, 10.0, 0.9),
            kernel(2),
        ),
        ("by less", (100.0, 10.0, 0.97), balanced(2)),
        ("by nothing", (100.0, 10.0, 1.0), balanced(2)),
        ("brings more sessions", (110.0, 10.0, 1.0), kernel(2)),
        (
            "more sessions, and less output",
            (110.0, 9.0, 1.0),
            balanced(2),
        ),
        ("thrift alone is nothing", (60.0, 10.0, 0.1), balanced(2)),
    ];
    for (name, measured, variant) in table {
        let choice = chosen(&[
            (balanced(1), (10.0, 1.0, 0.1), 0.1),
            (balanced(2), (100.0, 10.0, 1.0), 0.1),
            (kernel(2), *measured, 0.1),
            (kernel(3), (100.0, 10.0, 0.1), 0.1),
        ]);
        assert_eq!(choice.unwrap().variant, *variant, "{name}");
    }
}

#[test]
fn what_the_rounds_leave_in_doubt_is_not_clear() {
    let steady = figures((100.0, 10.0, 1.0), 0.0);
    for (noise, variant) in [(0.02, kernel(2)), (0.4, balanced(2))] {
        let better = figures((112.0, 10.0, 1.0), noise);
        let candidates = [(balanced(2), &steady), (kernel(2), &better)];
        let candidates = candidates.map(|(variant, figures)| Candidate { variant, figures });
        assert_eq!(choose(&candidates).unwrap().variant, variant, "{noise}");
    }
}

#[test]
fn nothing_comes_of_nothing() {
    assert_eq!(chosen(&[]), None);
}

#[test]
fn a_figure_is_the_median_and_the_spread_of_the_middle_half() {
    let table: &[(&[f64], f64, f64)] = &[
        (&[], 0.0, 0.0),
        (&[7.0], 7.0, 0.0),
        (&[1.0, 3.0], 2.0, 0.5),
        (&[110.0, 90.0, 100.0], 100.0, 0.1),
        // One round that went wrong moves neither.
        (&[100.0, 100.0, 1.0, 100.0, 100.0], 100.0, 0.0),
        (&[0.0, 0.0], 0.0, 0.0),
    ];
    for (rounds, median, noise) in table {
        let figure = Figure::of(rounds.to_vec());
        assert_eq!((figure.median, figure.noise), (*median, *noise));
        assert_eq!(figure.rounds, *rounds, "in their order");
    }
}
