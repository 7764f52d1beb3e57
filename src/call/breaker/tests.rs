use super::*;

fn status(status: u16) -> Fault {
    Fault::new(Cause::Status { status, code: None }, "x")
}

fn model() -> ModelId {
    ModelId::from("m")
}

/// One attempt after another, each of `seconds` and of one of `calls`; says after how many it opened.
fn attempts(breaker: &Breaker, fault: &Fault, seconds: u64, calls: u64, most: u64) -> Option<u64> {
    let (model, began) = (model(), Instant::now());
    for number in 0..most {
        let started = began + Duration::from_secs(number * seconds);
        let ended = started + Duration::from_secs(seconds);
        let attempt = Attempt { model: &model, call: number % calls, started, ended };
        breaker.attempt_failed(attempt, fault, || "nobody there".to_owned());
        if breaker.cause(&model).is_some() {
            return Some(number + 1);
        }
    }
    None
}

#[test]
fn twenty_failures_in_a_row_open_it_with_the_first_cause() {
    let (breaker, model) = (Breaker::default(), model());
    for call in 0..19 {
        breaker.failed(&model, &status(500), &format!("failure {call}"));
    }
    assert_eq!(breaker.cause(&model), None);
    breaker.failed(&model, &status(500), "failure 19");
    assert_eq!(breaker.cause(&model).as_deref(), Some("failure 0"));
    breaker.succeeded(&model, Instant::now());
    breaker.failed(&model, &status(401), "later");
    assert_eq!(breaker.cause(&model).as_deref(), Some("failure 0"));
}

#[test]
fn a_success_between_them_starts_the_count_again() {
    let (breaker, model) = (Breaker::default(), model());
    for call in 0..38 {
        if call == 19 {
            breaker.succeeded(&model, Instant::now());
        }
        breaker.failed(&model, &status(500), "down");
    }
    assert_eq!(breaker.cause(&model), None);
}

#[test]
fn a_model_that_alone_fails_is_stopped_alone() {
    let (breaker, judge, answers) = (Breaker::default(), ModelId::from("judge"), ModelId::from("answers"));
    for _ in 0..20 {
        assert_eq!(breaker.cause(&judge), None);
        breaker.succeeded(&answers, Instant::now());
        breaker.failed(&judge, &status(500), "broken");
    }
    assert_eq!(breaker.cause(&judge).as_deref(), Some("broken"));
    assert_eq!(breaker.cause(&answers), None);
    let stopped = Stopped { model: Some(judge), cause: "broken".to_owned(), for_good: false };
    assert_eq!(breaker.stopped(), [stopped]);
}

#[test]
fn a_model_that_does_not_exist_is_asked_for_once() {
    for code in ["model_not_found", "not_found_error"] {
        let (breaker, missing, other) = (Breaker::default(), ModelId::from("typo"), ModelId::from("other"));
        let fault = Fault::new(Cause::Status { status: 404, code: Some(code.to_owned()) }, "x");
        breaker.failed(&missing, &fault, "no such model");
        assert_eq!(breaker.cause(&missing).as_deref(), Some("no such model"), "{code}");
        assert_eq!(breaker.cause(&other), None, "{code}");
    }
    let breaker = Breaker::default();
    breaker.failed(&model(), &status(404), "no such page");
    assert_eq!(breaker.cause(&model()), None, "a page may be missing for a moment");
}

#[test]
fn twenty_attempts_without_a_word_open_it_where_nothing_was_ever_answered() {
    let fault = |cause: &Cause| Fault::new(cause.clone(), "x");
    for cause in [Cause::Timeout, Cause::Connect] {
        let breaker = Breaker::default();
        assert_eq!(attempts(&breaker, &fault(&cause), 1, 20, 30), Some(20));
        assert_eq!(breaker.cause(&model()).as_deref(), Some("nobody there"));
    }
    let between = Breaker::default();
    assert_eq!(attempts(&between, &fault(&Cause::Timeout), 1, 20, 19), None);
    assert_eq!(attempts(&between, &status(500), 1, 20, 1), None);
    assert_eq!(attempts(&between, &fault(&Cause::Timeout), 1, 20, 19), None, "an answer, be it a failure");
    let answered = Breaker::default();
    answered.succeeded(&model(), Instant::now());
    assert_eq!(attempts(&answered, &fault(&Cause::Timeout), 1, 20, 80), None, "one that answered is slow");
    let (together, model, began) = (Breaker::default(), model(), Instant::now());
    for call in 0..32 {
        let ended = began + Duration::from_secs(10);
        let attempt = Attempt { model: &model, call, started: began, ended };
        together.attempt_failed(attempt, &fault(&Cause::Timeout), || "x".to_owned());
    }
    assert_eq!(together.cause(&model), None, "one after another, and not all at once");
    let starting = Breaker::default();
    assert_eq!(attempts(&starting, &fault(&Cause::Connect), 0, 20, 900), None, "five seconds are no silence");
}

/// The attempts after which an outage opens it: of 40 calls, one attempt after another, each of `seconds`.
fn outage(fault: &Fault, seconds: u64, heard: bool) -> Option<u64> {
    let breaker = Breaker::default();
    if heard {
        breaker.succeeded(&model(), Instant::now());
    }
    let after = attempts(&breaker, fault, seconds, 40, 200);
    let why = breaker.cause(&model()).unwrap_or_default();
    assert!(after.is_none() || why.ends_with(" s failed, the last with nobody there"), "{why}");
    after
}

#[test]
fn an_outage_is_waited_out_for_a_minute_and_a_half() {
    let (cut, garbage) = (Fault::new(Cause::Cut, "x"), Fault::new(Cause::Undecodable, "x"));
    // Whatever it says, and however long it wants to be left alone.
    for (fault, seconds, after) in [
        (status(429), 1, 90),
        (status(503), 4, 23),
        (cut, 10, 9),
        (garbage, 10, 9),
        (status(500), 30, 3),
        (status(529), 60, 3),
    ] {
        assert_eq!(outage(&fault, seconds, false), Some(after.max(5)), "{fault:?}");
        assert_eq!(outage(&fault, seconds, true), Some(after.max(10)), "{fault:?} of one that answered");
    }
}

#[test]
fn what_answers_now_and_then_is_no_outage() {
    let breaker = Breaker::default();
    for _ in 0..10 {
        assert_eq!(attempts(&breaker, &status(429), 4, 40, 22), None);
        breaker.succeeded(&model(), Instant::now());
    }
}

#[test]
fn what_refuses_a_request_amid_an_outage_does_not_end_it() {
    let (breaker, model, began) = (Breaker::default(), model(), Instant::now());
    for (call, code) in [503, 400, 503, 503, 400, 503, 503].into_iter().enumerate() {
        assert_eq!(breaker.cause(&model), None, "before attempt {call}");
        let started = began + Duration::from_secs(20) * u32::try_from(call).expect("few");
        let attempt = Attempt { model: &model, call: 0, started, ended: started + Duration::from_secs(20) };
        breaker.attempt_failed(attempt, &status(code), || "x".to_owned());
    }
    assert!(breaker.cause(&model).is_some());
}

#[test]
fn one_request_that_is_never_answered_is_no_outage_of_one_that_answered() {
    let hangs = Fault::new(Cause::Timeout, "x");
    let breaker = Breaker::default();
    breaker.succeeded(&model(), Instant::now());
    assert_eq!(attempts(&breaker, &hangs, 60, 2, 14), None);
    // Nothing was ever answered: there is no reason to believe that it is the request.
    assert_eq!(attempts(&Breaker::default(), &hangs, 60, 1, 7), Some(5));
}

#[test]
fn an_attempt_that_took_long_is_no_long_outage() {
    let (breaker, model, began) = (Breaker::default(), model(), Instant::now());
    let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
    breaker.succeeded(&model, at(91.0));
    for call in 0..12_u32 {
        // One that hung all the time, and then a short row of others, which has rounds, calls and attempts enough.
        let second = 92.0 + f64::from(call);
        let started = if call == 0 { began } else { at(second) };
        let attempt = Attempt { model: &model, call: u64::from(call), started, ended: at(second + 0.5) };
        breaker.attempt_failed(attempt, &status(500), || "x".to_owned());
    }
    assert_eq!(breaker.cause(&model), None);
}

#[test]
fn attempts_that_were_under_way_together_are_one_round() {
    let (breaker, model, began) = (Breaker::default(), model(), Instant::now());
    breaker.succeeded(&model, Instant::now());
    let two_minutes = Duration::from_secs(120);
    for round in 0..3 {
        assert_eq!(breaker.cause(&model), None, "round {round}");
        for call in 0..32 {
            let started = began + two_minutes * round;
            let attempt = Attempt { model: &model, call, started, ended: started + two_minutes };
            breaker.attempt_failed(attempt, &Fault::new(Cause::Timeout, "x"), || "away".to_owned());
        }
    }
    assert!(breaker.cause(&model).is_some());
}

#[test]
fn one_refused_key_opens_it_at_once_for_every_model() {
    for code in [401, 403] {
        let breaker = Breaker::default();
        breaker.failed(&model(), &status(500), "down");
        breaker.failed(&model(), &status(code), "bad key");
        assert_eq!(breaker.cause(&model()).as_deref(), Some("bad key"), "{code}");
        assert_eq!(breaker.cause(&ModelId::from("another")).as_deref(), Some("bad key"), "{code}");
        assert_eq!(breaker.stopped(), [Stopped { model: None, cause: "bad key".to_owned(), for_good: true }]);
    }
}

#[tokio::test]
async fn whoever_waits_hears_of_it() {
    let (breaker, model) = (std::sync::Arc::new(Breaker::default()), model());
    let waiting = tokio::spawn({
        let (breaker, model) = (std::sync::Arc::clone(&breaker), model.clone());
        async move { breaker.opened(&model).await }
    });
    tokio::task::yield_now().await;
    breaker.failed(
        &ModelId::from("another"),
        &Fault::new(Cause::Status { status: 404, code: Some("model_not_found".to_owned()) }, "x"),
        "x",
    );
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "another model's end is not its own");
    breaker.failed(&model, &status(401), "bad key");
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("heard").expect("joined");
}
