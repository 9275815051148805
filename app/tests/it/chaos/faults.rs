//! What can befall the cluster, and in which order it does.

use std::time::Duration;

use platform::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    KillRedirector,
    KillWorker,
    KillApi,
    KillBroker,
    KillDatabase,
    HaltRedirector,
    HaltWorker,
    HaltBroker,
    /// The worker does not read, until the stream takes no more.
    FillBroker,
    FillSpool,
    WipeBroker,
}

use Fault::{
    FillBroker, FillSpool, HaltBroker, HaltRedirector, HaltWorker, KillApi, KillBroker, KillDatabase, KillRedirector, KillWorker,
    WipeBroker,
};

const FAULTS: [Fault; 11] = [
    KillRedirector,
    KillWorker,
    KillApi,
    KillBroker,
    KillDatabase,
    HaltRedirector,
    HaltWorker,
    HaltBroker,
    FillBroker,
    FillSpool,
    WipeBroker,
];

impl Fault {
    /// What it befalls. Two faults at once befall two things.
    fn victim(self) -> &'static str {
        match self {
            KillRedirector | HaltRedirector => "redirector",
            KillWorker | HaltWorker | FillBroker => "worker",
            KillApi => "api",
            KillBroker | HaltBroker | WipeBroker => "broker",
            KillDatabase => "database",
            FillSpool => "spool",
        }
    }

    /// With the kept segments given up for room, and the broker wiped before their clicks were
    /// read, two disks would have failed at once.
    /// And only a redirector that is there can say what is full.
    fn goes_with(self, other: Self) -> bool {
        let fills = [self, other].into_iter().any(|fault| matches!(fault, FillBroker | FillSpool));
        let asks = [self, other].into_iter().any(|fault| fault.victim() == "redirector");
        let disks = matches!((self, other), (WipeBroker, FillSpool) | (FillSpool, WipeBroker));
        self.victim() != other.victim() && !disks && !(fills && asks)
    }
}

/// A fault, perhaps another that begins while it lasts, and how long they last.
#[derive(Debug)]
pub struct Step {
    pub faults: Vec<Fault>,
    pub lasts: Duration,
}

/// Every fault once, in any order, but the wipe before the full spool.
pub fn plan(rng: &Rng, halt: Duration) -> Vec<Step> {
    let mut faults = FAULTS.to_vec();
    for last in (1..faults.len()).rev() {
        faults.swap(last, rng.below(last as u64 + 1) as usize);
    }
    let at = |faults: &[Fault], fault| faults.iter().position(|other| *other == fault).unwrap();
    let (wipe, fill) = (at(&faults, WipeBroker), at(&faults, FillSpool));
    if fill < wipe {
        faults.swap(wipe, fill);
    }
    let mut steps: Vec<Step> = Vec::new();
    for fault in faults {
        let lasts = match fault {
            HaltRedirector | HaltWorker | HaltBroker => halt,
            _ => Duration::from_millis(200 + rng.below(1_300)),
        };
        match steps.last_mut() {
            Some(step) if step.faults.len() == 1 && step.faults[0].goes_with(fault) && rng.below(3) == 0 => {
                step.faults.push(fault);
                step.lasts = step.lasts.max(lasts);
            }
            _ => steps.push(Step { faults: vec![fault], lasts }),
        }
    }
    steps
}
