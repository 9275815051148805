//! Windows: stretches of the open segment that a thread of their own allocates, maps and touches
//! before records reach them, so that an append is a copy into memory: no system call, and no wait
//! for a file system that is busy writing out (tens of milliseconds, now and then).
//!
//! A window reaches further than where the next one begins, by the largest record, so that each
//! record lies in one. With none at hand (the thread is behind, the disk is full, the file system
//! is another) the writer writes the record; both go to the same pages of the same file.
//!
//! A store to a mapped page without a block behind it ends the process (SIGBUS). It cannot come to
//! that: blocks are allocated first, on file systems only that overwrite them in place; touching is
//! asked of the kernel, which answers with an error; and a segment is made shorter only after its
//! windows are gone, or nobody stores to them any more. Mapped pages count as resident, so there are two windows at most.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use memmap2::MmapMut;

use super::MAX_RECORD;
use super::segment::PREFIX;

/// Where windows begin is a multiple of this, of which every page size is a divisor.
const STEP: u64 = 64 * 1_024;
/// The most bytes from the beginning of a window to that of the next.
const MAX_STRIDE: u64 = 1 << 20;
/// How far a window reaches into the next one.
const OVERLAP: u64 = (MAX_RECORD + PREFIX) as u64;

#[derive(Debug)]
struct Window {
    /// The segment.
    base: u64,
    /// Where it begins in the file.
    from: u64,
    map: MmapMut,
}

/// What the thread does, in order.
#[derive(Debug)]
enum Order {
    Prepare { file: Arc<File>, base: u64, from: u64, length: u64 },
    Unmap(Window),
    Cut { file: Arc<File>, length: u64 },
}

#[derive(Debug)]
pub(super) struct Windows {
    stride: u64,
    current: Option<Window>,
    /// Those that come after it, in order.
    ahead: VecDeque<Window>,
    /// The segment of the last order, and where the window after that would begin.
    asked: (u64, u64),
    /// `None` only while it is dropped.
    orders: Option<Sender<Order>>,
    ready: Receiver<Window>,
    wanted: Wanted,
    thread: Option<JoinHandle<()>>,
}

/// The segment and place that records are at: what lies before is of no use. Held while a window is handed over,
/// so that none is that nobody would look for.
type Wanted = Arc<Mutex<(u64, u64)>>;

impl Windows {
    /// `None` where segments are too small to be worth it, or the file system is none that
    /// overwrites in place what was allocated.
    pub fn start(dir: &Path, segment_bytes: u64) -> io::Result<Option<Self>> {
        let stride = (segment_bytes / 8).min(MAX_STRIDE) / STEP * STEP;
        if stride == 0 || !overwrites_in_place(dir)? {
            return Ok(None);
        }
        let (orders, taken) = channel();
        let (done, ready) = channel();
        let wanted = Wanted::default();
        let at = wanted.clone();
        let thread = std::thread::Builder::new().name("spool-windows".into()).spawn(move || run(&taken, &done, &at))?;
        let (orders, thread) = (Some(orders), Some(thread));
        Ok(Some(Self { stride, current: None, ahead: VecDeque::new(), asked: (0, 0), orders, ready, wanted, thread }))
    }

    /// The most bytes that windows take beyond the records of the open segment.
    pub fn reserve(&self) -> u64 {
        2 * self.stride + OVERLAP
    }

    /// Copies a record to its place in the file of the segment at `base`. False when no window is
    /// there.
    pub fn put(&mut self, file: &Arc<File>, base: u64, place: u64, record: &[u8]) -> bool {
        let from = place / self.stride * self.stride;
        if !self.current.as_ref().is_some_and(|window| window.is(base, from)) {
            self.go_to(file, base, from);
        }
        let Some(window) = &mut self.current else { return false };
        let at = usize::try_from(place - from).unwrap_or(usize::MAX);
        let room = window.map.get_mut(at..).and_then(|rest| rest.get_mut(..record.len()));
        room.map(|room| room.copy_from_slice(record)).is_some()
    }

    /// Makes the window that begins there the current one, if it is ready, and has the next one prepared.
    fn go_to(&mut self, file: &Arc<File>, base: u64, from: u64) {
        if let Some(window) = self.current.take() {
            self.order(Order::Unmap(window));
        }
        {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            *wanted = (base, from);
            self.ahead.extend(self.ready.try_iter());
        }
        while let Some(window) = self.ahead.pop_front_if(|window| window.is_before(base, from)) {
            self.order(Order::Unmap(window));
        }
        self.current = self.ahead.pop_front_if(|window| window.is(base, from));
        if self.asked.0 != base {
            self.asked = (base, from);
        }
        self.asked.1 = self.asked.1.max(from);
        while self.asked.1 <= from + self.stride {
            let order = Order::Prepare { file: file.clone(), base, from: self.asked.1, length: self.stride + OVERLAP };
            self.order(order);
            self.asked.1 += self.stride;
        }
    }

    /// Gives up every window, at once: the file may be made shorter then.
    pub fn clear(&mut self) {
        self.current = None;
        self.ahead.clear();
    }

    /// A segment that is written to no more is made as long as it should be.
    pub fn cut(&mut self, file: &Arc<File>, length: u64) {
        for window in self.current.take().into_iter().chain(std::mem::take(&mut self.ahead)) {
            self.order(Order::Unmap(window));
        }
        self.order(Order::Cut { file: file.clone(), length });
    }

    fn order(&self, order: Order) {
        // Without the thread nothing is prepared: records are written then.
        let _ = self.orders.as_ref().map(|orders| orders.send(order));
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        self.clear();
        self.orders = None;
        // What was ordered is done when the spool is closed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Window {
    fn is(&self, base: u64, from: u64) -> bool {
        (self.base, self.from) == (base, from)
    }

    fn is_before(&self, base: u64, from: u64) -> bool {
        (self.base, self.from) < (base, from)
    }
}

fn run(orders: &Receiver<Order>, ready: &Sender<Window>, wanted: &Wanted) {
    for order in orders {
        let done = match order {
            Order::Prepare { file, base, from, length } => prepare(&file, base, from, length).map(|window| {
                let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
                if !window.is_before(wanted.0, wanted.1) {
                    let _ = ready.send(window);
                }
            }),
            Order::Unmap(window) => {
                drop(window);
                Ok(())
            }
            Order::Cut { file, length } => file.set_len(length),
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the spool's segment cannot be prepared; its records are written instead");
        }
    }
}

/// Those of whose file systems it is known that a block which was allocated is there for good.
#[cfg(target_os = "linux")]
fn overwrites_in_place(dir: &Path) -> io::Result<bool> {
    // ext2 to ext4, XFS, tmpfs: statfs(2).
    const IN_PLACE: [rustix::fs::FsWord; 3] = [0xEF53, 0x5846_5342, 0x0102_1994];
    Ok(IN_PLACE.contains(&rustix::fs::statfs(dir)?.f_type))
}

#[cfg(target_os = "linux")]
fn prepare(file: &Arc<File>, base: u64, from: u64, length: u64) -> io::Result<Window> {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), from, length)?;
    let mapped = usize::try_from(length).map_err(io::Error::other)?;
    // SAFETY: the folder's lock keeps other processes' spools away, and this one shortens a file
    // only after its windows are gone. Who reads does so by read(2).
    #[expect(unsafe_code, reason = "mapping a file")]
    let map = unsafe { memmap2::MmapOptions::new().offset(from).len(mapped).map_mut(&**file)? };
    map.advise(memmap2::Advice::PopulateWrite)?;
    Ok(Window { base, from, map })
}

#[cfg(not(target_os = "linux"))]
fn overwrites_in_place(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
fn prepare(_: &Arc<File>, _: u64, _: u64, _: u64) -> io::Result<Window> {
    Err(io::ErrorKind::Unsupported.into())
}
