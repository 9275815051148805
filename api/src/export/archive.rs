//! A ZIP archive that is sent as it is written.

use std::io::{Error, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::{Broken, Chunk};

/// What was written and not sent yet.
#[derive(Clone, Debug, Default)]
struct Pending(Arc<Mutex<Vec<u8>>>);

impl Pending {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

pub(super) struct Archive {
    /// None once the archive is complete.
    zip: Option<ZipWriter<StreamWriter<Pending>>>,
    pending: Pending,
    sender: mpsc::Sender<Chunk>,
    patience: Duration,
}

fn failed(error: impl std::fmt::Display) -> Broken {
    Broken::Archive(error.to_string())
}

impl Archive {
    pub fn new(sender: mpsc::Sender<Chunk>, patience: Duration) -> Self {
        let pending = Pending::default();
        Self { zip: Some(ZipWriter::new_stream(pending.clone())), pending, sender, patience }
    }

    fn zip(&mut self) -> Result<&mut ZipWriter<StreamWriter<Pending>>, Broken> {
        self.zip.as_mut().ok_or_else(|| failed("it is complete"))
    }

    /// Begins a file, of any size.
    pub async fn begin(&mut self, name: &str) -> Result<(), Broken> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.zip()?.start_file(name, options).map_err(failed)?;
        self.send().await
    }

    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Broken> {
        self.zip()?.write_all(&bytes).map_err(failed)?;
        self.send().await
    }

    pub async fn file(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), Broken> {
        self.begin(name).await?;
        self.write(bytes).await
    }

    /// Writes the directory.
    pub async fn finish(&mut self) -> Result<(), Broken> {
        if let Some(zip) = self.zip.take() {
            zip.finish().map_err(failed)?;
        }
        self.send().await
    }

    /// Ends the answer as one that failed.
    pub async fn break_off(&mut self) {
        // What it writes as it is dropped, the directory, is not sent.
        self.zip = None;
        self.pending.take();
        let _ = self.sender.send_timeout(Err(Error::other("the export failed")), self.patience).await;
    }

    async fn send(&mut self) -> Result<(), Broken> {
        let bytes = self.pending.take();
        if bytes.is_empty() {
            return Ok(());
        }
        self.sender.send_timeout(Ok(Bytes::from(bytes)), self.patience).await.map_err(|_| Broken::Reader)
    }
}
