//! Visitors who never stop: each request has a number of its own, and what became of it is kept.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::journey::browser;

const LANES: u32 = 8;
/// Longer than any halt.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a lane waits before it tries an address again that refused it.
const REFUSED: Duration = Duration::from_millis(20);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    Redirected,
    /// Any other status.
    Answered(u16),
    /// Whether it was recorded nobody can say.
    Unanswered,
}

#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub number: u32,
    pub began: Instant,
    pub ended: Instant,
    pub became: Became,
}

/// Requests that go on until they are ended.
#[derive(Debug)]
pub struct Load {
    ending: Arc<AtomicBool>,
    next: Arc<AtomicU32>,
    done: Arc<Mutex<Vec<Request>>>,
    lanes: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    /// Asks for `url` with `?n=` a number, from `first` on, so many times a second at most.
    pub fn start(url: &str, rate: u32, first: u32) -> Self {
        let mut load = Self { ending: Arc::default(), next: Arc::new(AtomicU32::new(first)), done: Arc::default(), lanes: Vec::new() };
        let browser = browser();
        for _ in 0..LANES {
            let (ending, next, done) = (load.ending.clone(), load.next.clone(), load.done.clone());
            let (browser, url) = (browser.clone(), url.to_owned());
            let mut pace = tokio::time::interval(Duration::from_secs(1) * LANES / rate);
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            load.lanes.push(tokio::spawn(async move {
                while !ending.load(Ordering::Relaxed) {
                    pace.tick().await;
                    let (number, began) = (next.fetch_add(1, Ordering::Relaxed), Instant::now());
                    let became = match browser.get(format!("{url}?n={number}")).timeout(PATIENCE).send().await {
                        Ok(answer) if answer.status() == 302 => Became::Redirected,
                        Ok(answer) => Became::Answered(answer.status().as_u16()),
                        Err(_) => Became::Unanswered,
                    };
                    let request = Request { number, began, ended: Instant::now(), became };
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                    if became == Became::Unanswered {
                        tokio::time::sleep(REFUSED).await;
                    }
                }
            }));
        }
        load
    }

    /// Waits for what is under way; everything that was asked.
    pub async fn end(self) -> Vec<Request> {
        self.ending.store(true, Ordering::Relaxed);
        for lane in self.lanes {
            lane.await.unwrap();
        }
        std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The numbers of those that became this.
pub fn numbers_of(requests: &[Request], became: Became) -> BTreeSet<String> {
    requests.iter().filter(|request| request.became == became).map(|request| request.number.to_string()).collect()
}
