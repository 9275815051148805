//! Passwords by argon2id with 19 MiB, two passes and one lane (OWASP's password storage cheat
//! sheet), off the async threads, two at a time. An account that does not exist costs as long as
//! one that does.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::Password;
use platform::Rng;
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const AT_ONCE: usize = 2;
/// Longer ones cannot be anybody's.
const MAX_BYTES: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Passwords {
    rng: Rng,
    permits: Arc<Semaphore>,
    /// The hash of a password that nobody has.
    decoy: String,
}

fn argon2() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String, String> {
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2()?.hash_password_with_salt(password, salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

impl Passwords {
    /// # Errors
    /// When argon2 refuses its parameters.
    pub fn new(rng: Rng) -> Result<Self, String> {
        let decoy = hash(&rng.bytes::<32>(), &rng.bytes::<16>())?;
        Ok(Self { rng, permits: Arc::new(Semaphore::new(AT_ONCE)), decoy })
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// When argon2 fails.
    pub async fn hash(&self, password: Password) -> Result<String, String> {
        let salt: [u8; 16] = self.rng.bytes();
        self.off_thread(move || hash(password.as_bytes(), &salt)).await
    }

    /// Whether `password` is the one of `stored`; `None` is an account that does not exist.
    ///
    /// # Errors
    /// When the stored hash cannot be read.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, String> {
        let exists = stored.is_some() && password.len() <= MAX_BYTES;
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let password = if password.len() <= MAX_BYTES { password } else { String::new() };
        let same = self
            .off_thread(move || {
                let stored = PasswordHash::new(&stored).map_err(|error| error.to_string())?;
                Ok(argon2()?.verify_password(password.as_bytes(), &stored).is_ok())
            })
            .await?;
        Ok(same && exists)
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|error| error.to_string())?;
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_an_account_that_exists() {
        let passwords = Passwords::new(Rng::seeded(1)).unwrap();
        let stored = passwords.hash(Password::parse("correct horse").unwrap()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horsf".into(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("x".repeat(9_000), Some(stored)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
    }
}
