//! Group commit for class `fsync`: one thread flushes; whoever appended meanwhile shares the next
//! flush. There is no linger: a lone click waits for one flush only.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::Thread;

use tokio::sync::watch;

use super::SpoolError;

#[derive(Clone, Debug)]
enum Progress {
    /// Everything before this is on the disk.
    Flushed(u64),
    Failed(String),
}

#[derive(Debug)]
struct State {
    /// The segment that is written to.
    file: Mutex<Arc<File>>,
    /// The furthest position that somebody waits for.
    wanted: AtomicU64,
    progress: watch::Sender<Progress>,
}

#[derive(Debug)]
pub(super) struct Flusher {
    state: Arc<State>,
    thread: Thread,
}

impl Flusher {
    pub fn start(file: &Arc<File>, end: u64) -> io::Result<Self> {
        let state = Arc::new(State {
            file: Mutex::new(file.clone()),
            wanted: AtomicU64::new(end),
            progress: watch::Sender::new(Progress::Flushed(end)),
        });
        let weak = Arc::downgrade(&state);
        let handle = std::thread::Builder::new().name("spool-flush".into()).spawn(move || run(&weak))?;
        Ok(Self { state, thread: handle.thread().clone() })
    }

    /// The segment may have changed; the one before was flushed when it was sealed.
    pub fn follow(&self, file: &Arc<File>) {
        let mut current = self.state.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&current, file) {
            *current = file.clone();
        }
    }

    pub async fn settled(&self, position: u64) -> Result<(), SpoolError> {
        let mut progress = self.state.progress.subscribe();
        self.state.wanted.fetch_max(position, Ordering::AcqRel);
        self.thread.unpark();
        let reached = progress
            .wait_for(|progress| match progress {
                Progress::Flushed(end) => *end >= position,
                Progress::Failed(_) => true,
            })
            .await
            .map_err(|_| SpoolError::Flush("its thread has ended".into()))?;
        match &*reached {
            Progress::Flushed(_) => Ok(()),
            Progress::Failed(reason) => Err(SpoolError::Flush(reason.clone())),
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        // With the last strong reference gone the thread ends.
        self.state.wanted.store(u64::MAX, Ordering::Release);
        self.thread.unpark();
    }
}

fn run(state: &Weak<State>) {
    let mut flushed = 0;
    loop {
        let Some(state) = state.upgrade() else { return };
        let wanted = state.wanted.load(Ordering::Acquire);
        if wanted <= flushed {
            drop(state);
            std::thread::park();
            continue;
        }
        let file = state.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match sync(&file) {
            Ok(()) => {
                flushed = wanted;
                state.progress.send_replace(Progress::Flushed(flushed));
            }
            Err(error) => {
                // After a failed flush nobody knows what is on the disk: say so to all, for ever.
                state.progress.send_replace(Progress::Failed(error.to_string()));
                return;
            }
        }
        if wanted == u64::MAX {
            return;
        }
    }
}

/// Makes what the file holds durable.
pub(super) fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    let length = super::power_cut::length(file);
    file.sync_data()?;
    #[cfg(test)]
    super::power_cut::flushed(file, length);
    Ok(())
}
