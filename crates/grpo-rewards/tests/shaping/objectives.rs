//! Objectives as a recipe writes them, and what is refused.

use grpo_rewards::RewardError;
use grpo_rewards::shaping::{
    Combiner, HintCost, LearningGain, Measures, Objectives, ParetoRank, Term, TimeOnTask,
};
use serde::{Deserialize, Serialize};

use crate::column;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Recipe {
    combine: Objectives,
}

fn read(text: &str) -> Result<Objectives, String> {
    toml::from_str::<Recipe>(text).map(|recipe| recipe.combine).map_err(|error| error.to_string())
}

fn measures() -> Measures {
    let measures = Measures::new().with("gain", LearningGain::default()).unwrap();
    let measures = measures.with("hints", HintCost::default()).unwrap();
    measures.with("time", TimeOnTask::default()).unwrap()
}

#[test]
fn a_recipe_is_read_and_written_back_in_full() {
    for text in [
        "combine = { weighted = [{ column = 'gain' }, { column = 'time', weight = -0.01 }] }",
        "combine = { constrained = { maximise = [{ column = 'gain' }], limits = [{ column = 'time', at_most = 1800 }] } }",
        "combine = { pareto = { more = ['gain'], less = ['time', 'hints'], crowding = true } }",
    ] {
        let objectives = read(text).unwrap();
        objectives.check(&measures()).unwrap();
        let recipe = Recipe { combine: objectives };
        let written = toml::to_string(&recipe).unwrap();
        assert_eq!(toml::from_str::<Recipe>(&written).unwrap(), recipe);
    }
    let full = read(
        "[combine.constrained]\nmaximise = [{ column = 'gain' }]\nlimits = [{ column = 'time', at_most = 1 }]",
    );
    let written = toml::to_string(&full.unwrap()).unwrap();
    for default in ["normalise = true", "step_size = 0.05", "multiplier = 0.0", "weight = 1.0"] {
        assert!(written.contains(default), "{written}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (text, part) in [
        ("combine = { wieghted = [] }", "unknown variant `wieghted`"),
        ("combine = { weighted = [{ colunm = 'gain' }] }", "unknown field `colunm`"),
        ("combine = { pareto = { most = ['gain'] } }", "unknown field `most`"),
        ("combine = { constrained = { maximise = [] } }", "missing field `limits`"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_key() {
    let constrained = |limit: &str| {
        format!("combine = {{ constrained = {{ maximise = [{{ column = 'gain' }}], limits = [{limit}] }} }}")
    };
    for (text, message) in [
        ("combine = { weighted = [] }".into(), "`weighted`: is empty; name at least one column"),
        (
            "combine = { weighted = [{ column = 'gain' }, { column = 'gain' }] }".into(),
            "`weighted`: names the column `gain` twice; name each column once",
        ),
        (
            "combine = { weighted = [{ column = 'gain', weight = nan }] }".into(),
            "`weighted[0].weight`: is NaN; use a finite number",
        ),
        (
            "combine = { weighted = [{ column = 'gians' }] }".into(),
            "`weighted[0]`: there is no column `gians`; use one of: gain, hints, time",
        ),
        (
            "combine = { weighted = [{ column = 'gain' }, { column = 'hints', weight = 0.1 }] }".into(),
            "`weighted[1]`: asks for more of `hints`, which is a cost; give it a negative weight, or `at_most`, or put \
             it into `less`",
        ),
        (
            "combine = { pareto = { less = ['gain'] } }".into(),
            "`pareto.less`: asks for less of `gain`, which is a gain; give it a positive weight, or `at_least`, or put \
             it into `more`",
        ),
        ("combine = { pareto = { } }".into(), "`pareto`: is empty; name columns in `more` and `less`"),
        (
            "combine = { pareto = { more = ['time'], less = ['time'] } }".into(),
            "`pareto`: names the column `time` twice; name each column once",
        ),
        (constrained(""), "`constrained.limits`: is empty; use `weighted` where there are none"),
        (
            constrained("{ column = 'time' }"),
            "`constrained.limits[0].at_most`: is missing; give it, or `at_least`",
        ),
        (
            constrained("{ column = 'time', at_most = 1, at_least = 0 }"),
            "`constrained.limits[0].at_least`: stands beside `at_most`; take one out, or write a second limit on the \
             same column",
        ),
        (
            constrained("{ column = 'time', at_most = 1, step_size = 0 }"),
            "`constrained.limits[0].step_size`: is 0; use a number above 0",
        ),
        (
            constrained("{ column = 'time', at_most = 1, multiplier = 2, max_multiplier = 1 }"),
            "`constrained.limits[0].max_multiplier`: is 1, less than the multiplier, 2; use a larger one",
        ),
        (
            constrained("{ column = 'hints', at_least = 1 }"),
            "`constrained.limits[0]`: asks for more of `hints`, which is a cost; give it a negative weight, or \
             `at_most`, or put it into `less`",
        ),
    ] {
        let error = read(&text).unwrap().check(&measures()).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let combiner = Combiner::new(Objectives::Weighted(vec![Term::new("gain", 1.0)])).unwrap();
    let error = |error: RewardError| error.to_string();
    assert_eq!(
        combiner.combine(&[column("time", &[])], &[]).map_err(error),
        Err("`column`: there is no column `gain`; use one of: time".into())
    );
    assert_eq!(
        combiner.combine(&[column("gain", &[Some(1.0)])], &[0, 0]).map_err(error),
        Err("`gain`: has 1 outcomes for 2 episodes; give one outcome per episode".into())
    );
    let large = [column("gain", &[Some(1.0), Some(f64::MAX)]), column("time", &[None, Some(f64::MAX)])];
    let sum = Objectives::Weighted(vec![Term::new("gain", 1.0), Term::new("time", 1.0)]);
    assert_eq!(
        Combiner::new(sum).unwrap().combine(&large, &[0, 0]).map_err(error),
        Err("`the combined reward`: of episode 1 is not finite; use smaller weights or multipliers".into())
    );
}

#[test]
fn groups_are_ranked_by_themselves() {
    let rank = ParetoRank { more: vec!["gain".into()], less: vec!["time".into()], crowding: false };
    let combiner = Combiner::new(Objectives::Pareto(rank)).unwrap();
    let gain = column("gain", &[Some(0.9), Some(0.1), Some(0.5), Some(0.4), None, Some(0.5)]);
    let time = column("time", &[Some(1.0), Some(3.0), Some(9.0), Some(2.0), Some(0.0), Some(9.0)]);
    // Groups need not stand together. In group 7: 0.9 in 1 beats 0.1 in 3. In group 2: 0.5 in 9 twice and
    // 0.4 in 2, no one beaten.
    let rewards = combiner.combine(&[gain, time], &[7, 7, 2, 2, 2, 2]).unwrap();
    assert_eq!(rewards, [Some(1.0), Some(0.0), Some(0.5), Some(0.5), None, Some(0.5)]);
}

#[test]
fn multipliers_of_other_limits_are_refused() {
    let limits = |limit: f64| {
        read(&format!(
            "combine = {{ constrained = {{ maximise = [{{ column = 'gain' }}], limits = [{{ column = 'time', at_most = {limit} }}] }} }}"
        ))
        .unwrap()
    };
    let saved = Combiner::new(limits(3.0)).unwrap().multipliers().to_vec();
    assert!(Combiner::resume(limits(3.0), saved.clone()).is_ok());
    assert!(
        Combiner::resume(limits(4.0), saved.clone()).unwrap_err().to_string().starts_with("`multipliers`")
    );
    assert!(Combiner::resume(limits(3.0), Vec::new()).is_err());
}
