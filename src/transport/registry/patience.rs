//! How long to wait before a request is retried, and when to give up.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The pauses between the attempts of one request. Each is about twice as long as the one before.
pub(super) struct Patience {
    whole: Duration,
    /// When the first attempt failed.
    since: Option<Instant>,
    next: Duration,
}

impl Patience {
    /// For retries until this long after the first failure.
    pub(super) fn new(whole: Duration) -> Self {
        Patience { whole, since: None, next: FIRST_PAUSE }
    }

    /// How long to wait now, at least as long as the registry has asked for. Returns `None` if it is time to give up.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let left = self.whole.saturating_sub(self.since.get_or_insert_with(Instant::now).elapsed());
        let pause = jitter(self.next).max(asked.unwrap_or_default());
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        (pause <= left).then_some(pause)
    }
}

/// Between half of the pause and the whole pause, so that several programs don't retry at the same time.
fn jitter(pause: Duration) -> Duration {
    // A hasher with a random key is the only random number in the standard library.
    let random = RandomState::new().hash_one(()) % 1000;
    pause / 2 + pause / 2 * random as u32 / 1000
}

/// How long a registry asks us to wait: a number of seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let value = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    // The clock of this machine may be wrong.
    let now =
        text(DATE).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

    use super::{Patience, retry_after};

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            headers.insert(DATE, HeaderValue::from_static("Wed, 21 Oct 2015 07:28:00 GMT"));
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(asked("7"), Some(7));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:09 GMT"), Some(9));
        assert_eq!(asked("Wednesday, 21-Oct-15 07:28:09 GMT"), Some(9));
        assert_eq!(asked("Wed, 21 Oct 2015 07:00:00 GMT"), Some(0));
        for invalid in ["", "-1", "soon", "1.5"] {
            assert_eq!(asked(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn the_pauses_grow_and_end() {
        let mut patience = Patience::new(Duration::from_secs(60));
        for whole in [500, 1000, 2000, 4000, 8000, 15_000, 15_000] {
            let pause = patience.pause(None).unwrap().as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{whole} {pause}");
        }
        assert_eq!(patience.pause(Some(Duration::from_secs(20))), Some(Duration::from_secs(20)));
        assert_eq!(patience.pause(Some(Duration::from_secs(61))), None);
        assert_eq!(Patience::new(Duration::ZERO).pause(None), None);
    }
}
