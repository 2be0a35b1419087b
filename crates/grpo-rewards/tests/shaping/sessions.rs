//! Sessions and measures: what is read, what is refused, and what measures say in words.

use grpo_rewards::shaping::{
    Better, Counted, Frustration, GainFormula, LearningGain, MOST_SKILLS, MasteryReached, Measure,
    MeasureSpec, Measures, Pacing, Prerequisites, Session, SessionRecord, Step, TimeOnTask, Zone,
};
use grpo_rewards::{Outcome, RewardError, Score};

fn refused(text: &str) -> String {
    serde_json::from_str::<Session>(text).unwrap_err().to_string()
}

#[test]
fn numbers_that_make_no_sense_are_refused_with_their_place() {
    for (text, message) in [
        (r#"{ "skills": 1000001 }"#, "`skills`: is 1000001; use at most 1000000"),
        (r#"{ "skills": 1, "full_score": 0 }"#, "`full_score`: is 0; use a number above 0"),
        (
            r#"{ "skills": 1, "final_score": 1.5 }"#,
            "`final_score`: is 1.5; use a number from 0 to `full_score` = 1",
        ),
        (
            r#"{ "skills": 1, "delayed": [{ "seconds": -1, "score": 0 }] }"#,
            "`delayed[0].seconds`: is -1; use a finite number, at least 0",
        ),
        (
            r#"{ "skills": 3, "initial_mastery": [0.5] }"#,
            "`initial_mastery`: has 1 entries for 3 skills; give one per skill, or none",
        ),
        (
            r#"{ "skills": 2, "initial_mastery": [0.5, 1.5] }"#,
            "`initial_mastery[1]`: is 1.5; use a number from 0 to 1",
        ),
        (
            r#"{ "skills": 2, "prerequisites": [[0, 4]] }"#,
            "`prerequisites`: name skill 4, but there are 2; count skills from 0",
        ),
        (
            r#"{ "skills": 1, "steps": [{}, { "seconds": -3 }] }"#,
            "`steps[1].seconds`: is -3; use a finite number, at least 0",
        ),
        (
            r#"{ "skills": 1, "steps": [{ "success": 1.1 }] }"#,
            "`steps[0].success`: is 1.1; use a number from 0 to 1",
        ),
        (
            r#"{ "skills": 1, "steps": [{ "mastery": [[0, 0.5]] }] }"#,
            "`steps[0].mastery`: changes, but what it was before the session is not known; give `initial_mastery` too",
        ),
        (
            r#"{ "skills": 2, "initial_mastery": [0, 0], "steps": [{ "mastery": [[1, 0.5], [1, 0.6]] }] }"#,
            "`steps[0].mastery`: is out of order; name each skill once, in ascending order",
        ),
        (
            r#"{ "skills": 2, "initial_mastery": [0, 0], "steps": [{ "mastery": [[2, 0.5]] }] }"#,
            "`steps[0].mastery`: names skill 2, but there are 2; count skills from 0",
        ),
    ] {
        let error = refused(text);
        assert!(error.starts_with(message), "{error}");
    }
    assert!(refused(r#"{ "skills": 1, "setps": [] }"#).contains("unknown field `setps`"));
    assert!(
        refused(r#"{ "skills": 1, "prerequisites": [[0, 0]] }"#).contains("skill 0 lies on or behind it")
    );
    assert!(Prerequisites::new(&[(0, MOST_SKILLS)]).unwrap_err().to_string().contains("name skill 1000000"));
    assert!(Prerequisites::new(&[(0, usize::MAX)]).is_err());
    let bad = Step { difficulty: Some(f64::NAN), ..Step::default() };
    let record = SessionRecord { steps: vec![bad], ..SessionRecord::new(1) };
    assert!(Session::new(record).unwrap_err().to_string().starts_with("`steps[0].difficulty`: is NaN"));
}

#[test]
fn a_session_is_written_as_it_is_read() {
    let text = r#"{"skills":2,"initial_score":1.0,"full_score":4.0,"delayed":[{"seconds":60.0,"score":2.0}],"initial_mastery":[0.1,0.2],"prerequisites":[[0,1]],"steps":[{"skill":1,"correct":false,"mastery":[[1,0.5]]},{}]}"#;
    let session: Session = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&session).unwrap(), text);
    // As TOML and by hand too.
    assert_eq!(toml::from_str::<Session>(&toml::to_string(&session).unwrap()).unwrap(), session);
}

#[test]
fn nothing_is_known_of_an_empty_session() {
    let specs: Vec<MeasureSpec> = serde_json::from_str(
        r#"[{ "kind": "learning_gain" }, { "kind": "mastery" }, { "kind": "time_to_mastery", "horizon": 5 }, { "kind": "retention" },
            { "kind": "time_on_task" }, { "kind": "hint_cost" }, { "kind": "frustration" }, { "kind": "pacing" }, { "kind": "zone" },
            { "kind": "prerequisites" }]"#,
    )
    .unwrap();
    let empty = [SessionRecord::new(0), SessionRecord::new(3)].map(|record| Session::new(record).unwrap());
    for column in Measures::from_specs(&specs).unwrap().evaluate(&empty) {
        // That it took no time is known.
        let wanted = if column.name == "time_on_task" { Some(0.0) } else { None };
        assert_eq!(column.values().collect::<Vec<_>>(), [wanted; 2], "{}", column.name);
        assert_eq!(column.failures(), 0);
    }
}

#[test]
fn reasons_can_be_read() {
    let step = |correct, seconds| Step { correct: Some(correct), seconds: Some(seconds), ..Step::default() };
    let steps = vec![step(true, 1.0), step(false, 10.0), step(false, 10.0), step(false, 200.0)];
    let session = Session::new(SessionRecord { steps, ..SessionRecord::new(1) }).unwrap();
    let say = |measure: &dyn Measure| measure.measure(&session).unwrap().reason.into_owned();
    assert_eq!(say(&Frustration::default()), "of 4 steps, 1 failed after 2 failures in a row");
    assert_eq!(
        say(&Pacing { too_slow: Some(80.0), ..Pacing::default() }),
        "of 4 timed steps, 1 were too fast, 1 too slow"
    );
    let time = TimeOnTask { idle_after: Some(60.0), ..TimeOnTask::default() };
    assert_eq!(say(&time), "81.0 s, and 140.0 s idle");
}

#[test]
fn marx_and_cummings_bound_what_hake_does_not() {
    let change = LearningGain { formula: GainFormula::NormalizedChange };
    assert_eq!(LearningGain::default().of(9.0, 0.0, 10.0), Some(-9.0));
    assert_eq!(change.of(9.0, 0.0, 10.0), Some(-1.0));
    assert_eq!(change.of(5.0, 5.0, 10.0), Some(0.0));
    assert_eq!((change.of(0.0, 0.0, 10.0), change.of(10.0, 10.0, 10.0)), (None, None));
    assert_eq!(change.of(10.0, 5.0, 10.0), Some(-0.5));
}

#[test]
fn the_threshold_itself_is_mastery() {
    let record = SessionRecord { initial_mastery: vec![0.95, 0.9], ..SessionRecord::new(2) };
    let session = Session::new(record).unwrap();
    let value =
        |of| MasteryReached { of, ..MasteryReached::default() }.measure(&session).map(|score| score.value);
    assert_eq!(value(Counted::All), Some(0.5));
    // The second is the only one that was missing, and still is.
    assert_eq!(value(Counted::Missing), Some(0.0));
    assert_eq!(value(Counted::Practised), None);
}

#[test]
fn a_measure_that_fails_costs_its_own_session_only() {
    #[derive(Debug)]
    struct Broken;
    impl Measure for Broken {
        fn kind(&self) -> &str {
            "broken"
        }
        fn better(&self) -> Better {
            Better::More
        }
        fn measure(&self, session: &Session) -> Option<Score> {
            match session.skills() {
                1 => Some(Score::new(1.0, "fine")),
                2 => Some(Score::new(f64::INFINITY, "too much")),
                _ => panic!("no such number of skills"),
            }
        }
    }
    let sessions = [1, 2, 3].map(|skills| Session::new(SessionRecord::new(skills)).unwrap());
    let columns = Measures::new().with("broken", Broken).unwrap().evaluate(&sessions);
    assert_eq!(columns[0].values().collect::<Vec<_>>(), [Some(1.0), None, None]);
    assert!(matches!(&columns[0].outcomes[2], Outcome::Failed(why) if why.contains("no such number")));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let build = |text: &str| {
        let specs: Vec<MeasureSpec> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Measures::from_specs(&specs).map(drop).map_err(|error| error.to_string())
    };
    for (text, message) in [
        (r#"[{ "kind": "mastery", "threshold": 0 }]"#, "`measures[0].threshold`: is 0; use a number above 0"),
        (r#"[{ "kind": "time_to_mastery", "horizon": 0 }]"#, "`measures[0].horizon`: is 0"),
        (r#"[{ "kind": "time_to_mastery", "horizon": 5, "share": 1.5 }]"#, "`measures[0].share`: is 1.5"),
        (r#"[{ "kind": "time_to_mastery" }]"#, "in a measure: missing field `horizon`"),
        (r#"[{ "kind": "retention", "not_before": -1 }]"#, "`measures[0].not_before`: is -1"),
        (r#"[{ "kind": "time_on_task", "seconds_per_unit": 0 }]"#, "`measures[0].seconds_per_unit`: is 0"),
        (r#"[{ "kind": "time_on_task", "idle_after": 0 }]"#, "`measures[0].idle_after`: is 0"),
        (r#"[{ "kind": "hint_cost", "full_at": 0 }]"#, "`measures[0].full_at`: is 0"),
        (r#"[{ "kind": "frustration", "wrong_in_a_row": 0 }]"#, "`measures[0].wrong_in_a_row`: is 0"),
        (
            r#"[{ "kind": "frustration", "jump": { "success_falls_by": 1 } }]"#,
            "`measures[0].jump.success_falls_by`: is 1; use a number between 0 and 1",
        ),
        (
            r#"[{ "kind": "frustration", "jump": { "difficulty_rises_by": -1 } }]"#,
            "`measures[0].jump.difficulty_rises_by`: is -1",
        ),
        (r#"[{ "kind": "pacing", "too_fast": -1 }]"#, "`measures[0].too_fast`: is -1"),
        (
            r#"[{ "kind": "zone" }, { "kind": "pacing", "too_slow": 2 }]"#,
            "`measures[1].too_slow`: is 2; use more than `too_fast` = 3",
        ),
        (r#"[{ "kind": "zone", "target": 1.2 }]"#, "`measures[0].target`: is 1.2"),
        (
            r#"[{ "kind": "zone", "shape": { "plateau": { "within": 0.2, "gone": 0.1 } } }]"#,
            "`measures[0].shape.plateau`: has within = 0.2 and gone = 0.1",
        ),
        (r#"[{ "kind": "prerequisites", "threshold": 2 }]"#, "`measures[0].threshold`: is 2"),
        (r#"[{ "kind": "zone", "name": "a/b" }]"#, "`measures[0].name`: \"a/b\" cannot name a metric"),
        (r#"[{ "kind": "zone", "name": 3 }]"#, "`name` must be a text, not `3`"),
        (r#"[{ "kind": "zone", "traget": 0.7 }]"#, "in a measure: unknown field `traget`"),
        (r#"[{ "kind": "zoen" }]"#, "in a measure: unknown variant `zoen`"),
    ] {
        let error = build(text).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
    let twice = Measures::new().with("zone", Zone::default()).unwrap().with("zone", Zone::default());
    assert_eq!(twice.map(drop), Err(RewardError::DuplicateName("zone".into())));
}

#[test]
fn specs_are_written_back_in_full() {
    let specs: Vec<MeasureSpec> =
        serde_json::from_str(r#"[{ "kind": "mastery" }, { "kind": "zone", "name": "near" }]"#).unwrap();
    let written = serde_json::to_string(&specs).unwrap();
    assert_eq!(
        written,
        r#"[{"kind":"mastery","threshold":0.95,"of":"all"},{"name":"near","kind":"zone","target":0.85,"shape":"squared"}]"#
    );
    assert_eq!(serde_json::from_str::<Vec<MeasureSpec>>(&written).unwrap(), specs);
    for spec in specs {
        assert_eq!(spec.validate(), Ok(()));
    }
}

#[test]
fn many_skills_and_steps_take_time_for_what_changed() {
    // A million skills and a hundred thousand steps: a scan of all skills at each step would take minutes.
    let steps = (0..100_000_u32).map(|step| Step {
        skill: Some(step as usize),
        mastery: vec![(step as usize, 1.0)],
        success: Some(0.5),
        ..Step::default()
    });
    let record = SessionRecord {
        initial_mastery: vec![0.0; MOST_SKILLS],
        prerequisites: Some(Prerequisites::new(&[(0, 99_999), (1, 5)]).unwrap().into()),
        steps: steps.collect(),
        ..SessionRecord::new(MOST_SKILLS)
    };
    let session = Session::new(record).unwrap();
    let specs: Vec<MeasureSpec> = serde_json::from_str(
        r#"[{ "kind": "mastery" }, { "kind": "time_to_mastery", "horizon": 1000000, "share": 0.05 }, { "kind": "prerequisites" }]"#,
    )
    .unwrap();
    let begin = std::time::Instant::now();
    let columns = Measures::from_specs(&specs).unwrap().evaluate(std::slice::from_ref(&session));
    let values: Vec<Option<f64>> = columns.iter().map(|column| column.outcomes[0].value()).collect();
    assert_eq!(values, [Some(0.1), Some(0.05), Some(1.0)]);
    let shaping = grpo_rewards::shaping::PotentialShaping::default();
    assert_eq!(shaping.potentials(&session).unwrap().len(), 100_001);
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}
