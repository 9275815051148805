//! Where the installation's key comes from: the configuration, a file, or in one process a file of
//! the data folder that is made at the first start.

use std::io::Write as _;
use std::path::Path;

use platform::config::Config;
use platform::{Health, Rng, SealKey};

const FILE: &str = "seal.key";

/// The key; `None` where the processes of a cluster were given none, which is said on `/readyz`.
pub(crate) fn load(config: &Config, rng: &Rng, health: &Health) -> anyhow::Result<Option<SealKey>> {
    let key = find(config, rng)?;
    let own = config.data_dir.join(FILE);
    if key.is_none() && own.exists() {
        health.warn(
            "seal_key",
            format!(
                "This process sealed secrets with {} before it was told of NATS. Give all processes that key, by LINKLOGGER_SEAL_KEY_FILE.",
                own.display()
            ),
        );
        return Ok(key);
    }
    if key.is_none() && (config.roles.api || config.roles.redirector) {
        health.warn(
            "seal_key",
            "LINKLOGGER_SEAL_KEY is not set, so this process can neither seal nor open secrets: signed addresses get 503, and so do \
             links with a password or variants on redirectors without a database. Give all processes the same key \
             (`openssl rand -hex 32`), by LINKLOGGER_SEAL_KEY or LINKLOGGER_SEAL_KEY_FILE.",
        );
    }
    Ok(key)
}

/// The same without a process that could say anything.
pub(crate) fn find(config: &Config, rng: &Rng) -> anyhow::Result<Option<SealKey>> {
    if let Some(key) = &config.seal_key {
        return Ok(Some(key.clone()));
    }
    if let Some(path) = &config.seal_key_file {
        return read(path, "LINKLOGGER_SEAL_KEY_FILE").map(Some);
    }
    // Processes that meet over NATS cannot know each other's files.
    if config.nats_url.is_some() {
        return Ok(None);
    }
    let path = config.data_dir.join(FILE);
    if path.exists() { read(&path, "The installation's key").map(Some) } else { create(&path, rng).map(Some) }
}

fn read(path: &Path, what: &str) -> anyhow::Result<SealKey> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| anyhow::anyhow!("{what} ({}) cannot be read ({error}). Mend its path or permissions.", path.display()))?;
    SealKey::parse(&text).ok_or_else(|| {
        let advice = "It must hold 32 bytes as 64 hexadecimal digits or in base64; restore it from a backup if it was damaged.";
        anyhow::anyhow!("{what} ({}) holds no key. {advice}", path.display())
    })
}

/// Written beside and renamed: whatever dies meanwhile, there is a whole key or none.
fn create(path: &Path, rng: &Rng) -> anyhow::Result<SealKey> {
    let key = SealKey::generate(rng);
    let write = || -> std::io::Result<()> {
        let beside = path.with_extension("new");
        let mut options = std::fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        writeln!(file, "{}", key.to_text())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    };
    write().map_err(|error| {
        anyhow::anyhow!("The installation's key ({}) cannot be written ({error}). Make its folder writable.", path.display())
    })?;
    Ok(key)
}
