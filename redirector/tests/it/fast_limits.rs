//! Limits of mode FAST: nobody is refused while permits are left, and the limit is passed by its bound
//! at most.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Gate, LimitMode, ResolvedLink};
use testkit::wait_until;
use tokio::sync::Semaphore;

use crate::click_limits::{PERSON, limited, status};
use crate::fixture::{Running, start_with};
use crate::sources::Counter;

const ANSWERS_AFTER: Duration = Duration::from_millis(50);

fn fast(limit: i64) -> ResolvedLink {
    limited(limit, Gate { limit_mode: LimitMode::Fast, ..Gate::default() })
}

/// So many visitors at once who come again and again: how many were led on, and how many heard that the
/// limit is reached. Nobody hears anything else.
async fn rush(running: &Running, visitors: usize, times: usize) -> (u32, u32) {
    let visits: Vec<_> = (0..visitors)
        .map(|_| {
            let request = running.http.get(running.url("/l")).header("user-agent", PERSON);
            tokio::spawn(async move {
                let (mut led, mut refused) = (0, 0);
                for _ in 0..times {
                    match request.try_clone().unwrap().send().await.unwrap().status().as_u16() {
                        302 => led += 1,
                        status => {
                            assert_eq!(status, 410);
                            refused += 1;
                        }
                    }
                }
                (led, refused)
            })
        })
        .collect();
    let (mut led, mut refused) = (0, 0);
    for visit in visits {
        let (more_led, more_refused) = visit.await.unwrap();
        led += more_led;
        refused += more_refused;
    }
    (led, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_led_on_while_permits_are_left() {
    let left = Arc::new(Mutex::new(1_000_000));
    let running = start_with(&[], Counter::Slow(left.clone(), ANSWERS_AFTER)).await;
    running.know("l", fast(1_000_000));
    assert_eq!(rush(&running, 200, 40).await, (8_000, 0));
    wait_until(Duration::from_secs(10), "what was not used is back", async || {
        running.clock.advance(10_000);
        (*left.lock().unwrap() == 1_000_000 - 8_000).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirectors_with_too_many_visitors_use_up_the_limit_and_pass_it_by_a_hundred_each() {
    let left = Arc::new(Mutex::new(1_000));
    let counter = Counter::Slow(left.clone(), ANSWERS_AFTER);
    let redirectors = [start_with(&[], counter.clone()).await, start_with(&[], counter).await];
    redirectors.iter().for_each(|running| running.know("l", fast(1_000)));
    // Each alone has more visitors than may pass.
    let (one, other) = tokio::join!(rush(&redirectors[0], 100, 12), rush(&redirectors[1], 100, 12));
    assert!((1_000..=1_200).contains(&(one.0 + other.0)), "{one:?} {other:?}");
    assert_eq!(*left.lock().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirector_that_starts_anew_does_not_pass_a_limit_that_is_reached() {
    let left = Arc::new(Mutex::new(2));
    for led in [2, 0, 0] {
        let running = start_with(&[], Counter::Slow(left.clone(), ANSWERS_AFTER)).await;
        running.know("l", fast(2));
        for _ in 0..led {
            assert_eq!(status(&running, "/l", PERSON).await, 302);
        }
        if led > 0 {
            // What comes before the next answer may pass it.
            wait_until(Duration::from_secs(10), "the limit is known", async || (status(&running, "/l", PERSON).await == 410).then_some(()))
                .await;
        }
        for _ in 0..3 {
            assert_eq!(status(&running, "/l", PERSON).await, 410);
        }
        running.stop().await;
        running.drained().await;
        assert_eq!(*left.lock().unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_permits_that_were_asked_for() {
    let (left, answers) = (Arc::new(Mutex::new(1_000)), Arc::new(Semaphore::new(0)));
    let running = start_with(&[], Counter::Held(left.clone(), answers.clone())).await;
    running.know("l", fast(1_000));
    for _ in 0..3 {
        assert_eq!(status(&running, "/l", PERSON).await, 302);
    }
    running.stop().await;
    answers.add_permits(1_000);
    running.drained().await;
    assert_eq!(*left.lock().unwrap(), 1_000 - 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_wait_for_nothing_and_the_limit_is_passed_by_no_more() {
    let (left, answers) = (Arc::new(Mutex::new(10)), Arc::new(Semaphore::new(0)));
    let running = start_with(&[], Counter::Held(left.clone(), answers.clone())).await;
    running.know("l", fast(10));
    // The counter does not answer. The first hundred do not wait for it, who comes then does, in vain,
    // and after that nobody does for a while.
    let mut led = 0;
    for number in 0..150 {
        match status(&running, "/l", PERSON).await {
            302 => led += 1,
            status => assert_eq!((status, number >= 100), (503, true)),
        }
    }
    assert_eq!(led, 100);
    // It answers that only ten were left.
    answers.add_permits(1_000);
    wait_until(Duration::from_secs(10), "the limit is known to be reached", async || {
        running.clock.advance(100);
        let status = status(&running, "/l", PERSON).await;
        led += u32::from(status == 302);
        (status == 410).then_some(())
    })
    .await;
    assert!(led <= 110, "{led}");
    assert_eq!(*left.lock().unwrap(), 0);
    assert_eq!(status(&running, "/l", "curl/8.5.0").await, 410);
    // Raised, it owes what it was passed by.
    *left.lock().unwrap() = 1_000;
    running.clock.advance(1_000);
    wait_until(Duration::from_secs(10), "people are led on again", async || {
        running.clock.advance(100);
        (status(&running, "/l", PERSON).await == 302).then_some(())
    })
    .await;
    // A block may be granted at any time, and comes back ten seconds later.
    wait_until(Duration::from_secs(10), "what was led on is counted", async || {
        running.clock.advance(10_000);
        (*left.lock().unwrap() == 1_010 - led - 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_used_up_by_one_after_the_other() {
    let left = Arc::new(Mutex::new(300));
    let running = start_with(&[], Counter::Memory(left.clone())).await;
    running.know("l", fast(300));
    let mut led = 0;
    let until_reached = wait_until(Duration::from_secs(20), "the limit is reached", async || {
        match status(&running, "/l", PERSON).await {
            302 => led += 1,
            410 => return Some(()),
            status => panic!("{status}"),
        }
        None
    });
    until_reached.await;
    assert!((300..=400).contains(&led), "{led}");
    assert_eq!(*left.lock().unwrap(), 0);
}
