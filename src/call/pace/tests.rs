use super::*;
use crate::manifest::project::Api;
use std::sync::Arc;

fn config(concurrency: u32) -> ProviderConfig {
    ProviderConfig { concurrency, ..ProviderConfig::new("p".into(), Api::OpenAi) }
}

fn usage(input: u64, output: u64) -> Ended {
    Ended::Replied(Usage { input: Some(input), output: Some(output), ..Usage::default() })
}

async fn acquire(pace: &Pace, estimate: Estimate) -> (Slot<'_>, Vec<(WaitReason, Duration)>) {
    let (slot, waits) = pace.acquire(estimate, std::future::pending()).await;
    (slot.expect("nothing ends the wait"), waits)
}

async fn blocked(pace: &Pace, estimate: Estimate) -> bool {
    tokio::time::timeout(Duration::from_millis(20), acquire(pace, estimate)).await.is_err()
}

#[tokio::test]
async fn no_wait_outlives_what_it_is_for() {
    let over = || tokio::time::sleep(Duration::from_millis(20));
    // For a place, for the provider, for a share of the minute.
    let full = Pace::new(&config(1), None);
    let _one = acquire(&full, Estimate::default()).await;
    assert!(full.acquire(Estimate::default(), over()).await.0.is_none());
    let held = Pace::new(&config(8), None);
    acquire(&held, Estimate::default()).await.0.finish(usage(1, 1), Some(Duration::from_secs(3_600)));
    let (slot, waits) = held.acquire(Estimate::default(), over()).await;
    assert!(slot.is_none() && waits[0].0 == WaitReason::Provider);
    let spent = Pace::new(&ProviderConfig { requests_per_minute: Some(1), ..config(8) }, None);
    acquire(&spent, Estimate::default()).await.0.finish(usage(1, 1), None);
    let (slot, waits) = spent.acquire(Estimate::default(), over()).await;
    assert!(slot.is_none() && waits[0].0 == WaitReason::Requests);
    assert_eq!(spent.places.available_permits(), 8, "a place was kept");
}

#[tokio::test]
async fn no_more_calls_at_once_than_configured_or_capped() {
    for (pace, places) in [(Pace::new(&config(3), None), 3), (Pace::new(&config(3), Some(2)), 2)] {
        let mut slots = Vec::new();
        for _ in 0..places {
            slots.push(acquire(&pace, Estimate::default()).await.0);
        }
        assert!(blocked(&pace, Estimate::default()).await);
        slots.pop();
        assert!(!blocked(&pace, Estimate::default()).await);
    }
    assert_eq!(Pace::new(&config(0), None).target(), 1);
}

#[tokio::test]
async fn throttling_takes_places_away_and_replies_give_them_back() {
    let pace = Pace::new(&config(10), None);
    let mut slots = Vec::new();
    for _ in 0..10 {
        slots.push(acquire(&pace, Estimate::default()).await.0);
    }
    for slot in slots {
        slot.finish(Ended::Throttled, None);
    }
    assert_eq!(pace.target(), 7, "calls that were under way together count once");
    let mut held = Vec::new();
    for _ in 0..7 {
        held.push(acquire(&pace, Estimate::default()).await.0);
    }
    assert!(blocked(&pace, Estimate::default()).await);
    drop(held);
    for _ in 0..4 {
        acquire(&pace, Estimate::default()).await.0.finish(usage(1, 1), None);
    }
    assert_eq!(pace.target(), 8);
    for _ in 0..100 {
        acquire(&pace, Estimate::default()).await.0.finish(usage(1, 1), None);
    }
    assert_eq!(pace.target(), 10);
    for _ in 0..100 {
        acquire(&pace, Estimate::default()).await.0.finish(Ended::Throttled, None);
    }
    assert_eq!(pace.target(), 1);
    let _one = acquire(&pace, Estimate::default()).await;
    assert!(blocked(&pace, Estimate::default()).await);
}

#[tokio::test]
async fn requests_per_minute_hold_back_the_next_one() {
    let pace = Pace::new(&ProviderConfig { requests_per_minute: Some(2), ..config(8) }, None);
    for _ in 0..2 {
        acquire(&pace, Estimate::default()).await.0.finish(Ended::Failed, None);
    }
    assert!(blocked(&pace, Estimate::default()).await);
}

#[tokio::test]
async fn a_refund_wakes_the_first_in_line() {
    let pace =
        Arc::new(Pace::new(&ProviderConfig { output_tokens_per_minute: Some(1_000), ..config(8) }, None));
    assert!(pace.counts_tokens() && !Pace::new(&config(1), None).counts_tokens());
    let estimate = Estimate { input: 5, output: 800 };
    let (first, waits) = acquire(&pace, estimate).await;
    assert!(waits.is_empty());
    let second = tokio::spawn({
        let pace = Arc::clone(&pace);
        async move { acquire(&pace, estimate).await.1.first().map(|(reason, _)| *reason) }
    });
    // It stands in line before this goes on: there is one thread, and it has had its turn.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(pace.line.try_lock().is_err() && !second.is_finished());
    first.finish(usage(5, 100), None);
    // A minute is what it would wait without the refund.
    let reason = tokio::time::timeout(Duration::from_secs(30), second).await.expect("woken").expect("joined");
    assert_eq!(reason, Some(WaitReason::OutputTokens));
}

#[tokio::test]
async fn the_providers_own_limit_holds_everyone() {
    let pace = Pace::new(&config(8), None);
    // On a machine that stands still a short hold may be over before it is met: then there is another.
    for _ in 0..200 {
        let hold = Duration::from_millis(60);
        let started = Instant::now();
        acquire(&pace, Estimate::default()).await.0.finish(usage(1, 1), Some(hold));
        let (_slot, waits) = acquire(&pace, Estimate::default()).await;
        assert!(started.elapsed() >= hold, "it was let through early");
        if let Some((reason, _)) = waits.first() {
            assert_eq!(*reason, WaitReason::Provider);
            acquire(&pace, Estimate::default()).await.0.finish(usage(1, 1), Some(Duration::from_secs(3_600)));
            assert!(blocked(&pace, Estimate::default()).await);
            return;
        }
    }
    panic!("nothing was held");
}

#[tokio::test]
async fn a_call_that_is_dropped_frees_its_place() {
    let pace = Pace::new(&config(1), None);
    drop(acquire(&pace, Estimate::default()).await);
    assert!(!blocked(&pace, Estimate::default()).await);
}
