//! Passwords are hashed off the async threads, two at a time. An account that does not exist costs
//! as long as one that does.

use std::sync::Arc;

use domain::Password;
use platform::{PasswordError, Rng, is_password, password_hash};
use tokio::sync::Semaphore;

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

impl Passwords {
    /// # Errors
    /// When argon2 refuses its parameters.
    pub fn new(rng: Rng) -> Result<Self, String> {
        let decoy = password_hash(&rng.bytes::<32>(), &rng.bytes::<16>()).map_err(|error| error.to_string())?;
        Ok(Self { rng, permits: Arc::new(Semaphore::new(AT_ONCE)), decoy })
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// When argon2 fails.
    pub async fn hash(&self, password: Password) -> Result<String, String> {
        let salt: [u8; 16] = self.rng.bytes();
        self.off_thread(move || password_hash(password.as_bytes(), &salt)).await
    }

    /// Whether `password` is the one of `stored`; `None` is an account that does not exist.
    ///
    /// # Errors
    /// When the stored hash cannot be read.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, String> {
        let exists = stored.is_some() && password.len() <= MAX_BYTES;
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let password = if password.len() <= MAX_BYTES { password } else { String::new() };
        let same = self.off_thread(move || is_password(password.as_bytes(), &stored)).await?;
        Ok(same && exists)
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static) -> Result<T, String> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|error| error.to_string())?;
        let work = move || {
            let _permit = permit;
            work()
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
        done.map_err(|error| error.to_string())
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
