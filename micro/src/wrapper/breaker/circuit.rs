//! The state of one breaker: arithmetic on calls and times, without a clock of its own.

use std::time::Duration;

use tokio::time::Instant;

/// In how many parts the window moves.
const PARTS: usize = 10;

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) ratio: f64,
    pub(super) minimum: u32,
    pub(super) window: Duration,
    pub(super) open: Duration,
    pub(super) probes: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            ratio: 0.5,
            minimum: 20,
            window: Duration::from_secs(10),
            open: Duration::from_secs(5),
            probes: 1,
        }
    }
}

/// One breaker.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    window: Window,
    /// `None` while it is closed.
    open: Option<Box<Open>>,
    /// How often it was tried whether it may close.
    trials: u64,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    until: Instant,
    failed: u32,
    calls: u32,
    last: String,
    /// `None` until it is half open.
    trial: Option<Trial>,
}

#[derive(Debug)]
struct Trial {
    number: u64,
    /// How many probes have begun, and how many of them were answered.
    begun: u32,
    answered: u32,
}

/// Why a call is not let through.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) since: Duration,
    pub(super) failed: u32,
    pub(super) calls: u32,
    pub(super) last: String,
    /// `None` if enough calls are trying the service.
    pub(super) left: Option<Duration>,
}

impl Circuit {
    /// Lets a call through, and says which trial it is a probe of, if of any; or says why not.
    pub(super) fn begin(&mut self, terms: &Terms, now: Instant) -> Result<Option<u64>, Refusal> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let left = open.until.saturating_duration_since(now);
        if left.is_zero() {
            let trial = open.trial.get_or_insert_with(|| {
                self.trials += 1;
                Trial {
                    number: self.trials,
                    begun: 0,
                    answered: 0,
                }
            });
            if trial.begun < terms.probes {
                trial.begun += 1;
                return Ok(Some(trial.number));
            }
        }
        Err(Refusal {
            since: now.saturating_duration_since(open.since),
            failed: open.failed,
            calls: open.calls,
            last: open.last.clone(),
            left: (!left.is_zero()).then_some(left),
        })
    }

    /// Takes down how a call that was let through ended; `None` if it was given up.
    pub(super) fn end(
        &mut self,
        terms: &Terms,
        now: Instant,
        probe: Option<u64>,
        ended: Option<Result<(), String>>,
    ) {
        match (&mut self.open, probe) {
            (None, None) => self.count(terms, now, ended),
            (Some(open), Some(number)) => {
                let Some(trial) = &mut open.trial else { return };
                if trial.number != number {
                    return;
                }
                match ended {
                    None => trial.begun -= 1,
                    Some(Ok(())) => {
                        trial.answered += 1;
                        if trial.answered >= terms.probes {
                            (self.open, self.window) = (None, Window::default());
                        }
                    }
                    Some(Err(last)) => {
                        (open.trial, open.until, open.last) = (None, now + terms.open, last);
                    }
                }
            }
            // It began before the breaker opened, or closed: that is known by now.
            _ => {}
        }
    }

    /// False once what is known of the service is older than what counts.
    pub(super) fn counts(&self, terms: &Terms, now: Instant) -> bool {
        match &self.open {
            Some(open) => now < open.until + terms.window,
            None => self.window.counts(terms.window, now),
        }
    }

    fn count(&mut self, terms: &Terms, now: Instant, ended: Option<Result<(), String>>) {
        let Some(ended) = ended else { return };
        let (failed, calls) = self.window.add(terms.window, now, ended.is_err());
        let Err(last) = ended else { return };
        if calls >= terms.minimum && f64::from(failed) >= terms.ratio * f64::from(calls) {
            self.open = Some(Box::new(Open {
                since: now,
                until: now + terms.open,
                failed,
                calls,
                last,
                trial: None,
            }));
        }
    }
}

/// How many calls have ended of late, and how many of them have failed, by parts of the window.
#[derive(Debug, Default)]
struct Window {
    parts: [(u32, u32); PARTS],
    /// The part that is being counted, and when it began.
    place: usize,
    begun: Option<Instant>,
}

impl Window {
    /// True if calls of the last `window` may be among those that were added.
    fn counts(&self, window: Duration, now: Instant) -> bool {
        self.begun
            .is_some_and(|begun| now.saturating_duration_since(begun) < 2 * window)
    }

    /// Adds a call, and gives the sums: how many have failed, of how many.
    fn add(&mut self, window: Duration, now: Instant, has_failed: bool) -> (u32, u32) {
        let part = (window / PARTS as u32).max(Duration::from_millis(1));
        let mut begun = self.begun.unwrap_or(now);
        if !self.counts(window, now) {
            (self.parts, begun) = ([(0, 0); PARTS], now);
        }
        while now.saturating_duration_since(begun) >= part {
            begun += part;
            self.place = (self.place + 1) % PARTS;
            self.parts[self.place] = (0, 0);
        }
        self.begun = Some(begun);
        let (failed, calls) = &mut self.parts[self.place];
        *failed += u32::from(has_failed);
        *calls += 1;
        let add =
            |(failed, calls): (u32, u32), part: &(u32, u32)| (failed + part.0, calls + part.1);
        self.parts.iter().fold((0, 0), add)
    }
}

#[cfg(test)]
mod tests {
    use super::{Circuit, Duration, Instant, Terms, Window};

    const SECOND: Duration = Duration::from_secs(1);

    fn end(circuit: &mut Circuit, now: Instant, failed: bool) {
        let terms = Terms::default();
        let probe = circuit.begin(&terms, now).unwrap();
        let ended = if failed { Err("no".to_owned()) } else { Ok(()) };
        circuit.end(&terms, now, probe, Some(ended));
    }

    fn open(now: Instant) -> Circuit {
        let mut circuit = Circuit::default();
        (0..20).for_each(|_| end(&mut circuit, now, true));
        circuit
    }

    #[test]
    fn calls_older_than_the_window_do_not_count() {
        let (mut window, now) = (Window::default(), Instant::now());
        let mut add = |at| window.add(10 * SECOND, now + at, true);

        let sums = [0, 5, 9, 10, 15, 40].map(|at| add(at * SECOND));

        assert_eq!(sums.map(|(failed, _)| failed), [1, 2, 3, 3, 3, 1]);
    }

    #[test]
    fn fewer_calls_than_the_minimum_open_nothing() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());

        (0..19).for_each(|_| end(&mut circuit, now, true));

        assert!(circuit.begin(&Terms::default(), now).is_ok());
    }

    #[test]
    fn less_than_the_ratio_opens_nothing() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());

        (0..100).for_each(|number| end(&mut circuit, now, number % 5 < 2));

        assert!(circuit.begin(&Terms::default(), now).is_ok());
    }

    #[test]
    fn a_refusal_says_since_when_and_for_how_long() {
        let now = Instant::now();

        let refusal = open(now).begin(&Terms::default(), now + 2 * SECOND);

        let refusal = refusal.unwrap_err();
        assert_eq!(
            (refusal.since, refusal.left),
            (2 * SECOND, Some(3 * SECOND))
        );
        assert_eq!((refusal.failed, refusal.calls), (20, 20));
    }

    #[test]
    fn one_probe_is_let_through_and_closes_it() {
        let (now, terms) = (Instant::now(), Terms::default());
        let mut circuit = open(now);
        let later = now + 5 * SECOND;

        let probe = circuit.begin(&terms, later).unwrap();
        let other = circuit.begin(&terms, later);
        circuit.end(&terms, later, probe, Some(Ok(())));

        assert!(probe.is_some() && other.unwrap_err().left.is_none());
        assert_eq!(circuit.begin(&terms, later).unwrap(), None);
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let now = Instant::now();
        let mut circuit = open(now);
        let later = now + 5 * SECOND;

        end(&mut circuit, later, true);

        let refusal = circuit.begin(&Terms::default(), later).unwrap_err();
        assert_eq!(refusal.left, Some(5 * SECOND));
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_its_place_to_another() {
        let (now, terms) = (Instant::now(), Terms::default());
        let mut circuit = open(now);
        let later = now + 5 * SECOND;

        let probe = circuit.begin(&terms, later).unwrap();
        circuit.end(&terms, later, probe, None);

        assert!(circuit.begin(&terms, later).unwrap().is_some());
    }

    #[test]
    fn a_call_from_before_it_opened_does_not_close_it() {
        let (now, terms) = (Instant::now(), Terms::default());
        let mut circuit = open(now);

        circuit.end(&terms, now, None, Some(Ok(())));

        assert!(circuit.begin(&terms, now).is_err());
    }

    #[test]
    fn all_of_several_probes_must_be_answered() {
        let now = Instant::now();
        let mut circuit = open(now);
        let later = now + 5 * SECOND;
        let terms = Terms {
            probes: 2,
            ..Terms::default()
        };

        for is_closed in [false, true] {
            let probe = circuit.begin(&terms, later).unwrap();
            circuit.end(&terms, later, probe, Some(Ok(())));

            assert_eq!(circuit.open.is_none(), is_closed);
        }
    }
}
