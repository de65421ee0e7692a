//! A calls B, B calls C, and C is late.

use micro::Running;
use micro::transport::{FramesTransport, HttpTransport, MemoryTransport};

use super::*;

/// How long A gives the call.
const ALLOWED: Duration = Duration::from_secs(1);

/// How B hands on the error of C.
#[derive(Clone, Copy)]
enum Way {
    Bare,
    Forwarded,
}

/// What A is told of a call that C does not answer, and where B and C are.
struct Late {
    error: Error,
    b: Running,
    c: Running,
}

async fn late<T: Transport + 'static>(transport: impl Fn() -> T, way: Way) -> Late {
    let registry = MemoryRegistry::new();
    let c = service(&registry, "c", transport()).await;
    let c = c.endpoint("C.Wait", hang()).start().await.unwrap();
    let b = service(&registry, "b", transport()).await;
    let client = b.client().clone();
    let hand_on = unary(move |_: Context, nothing: Plain<()>| {
        let call = client.call::<_, Plain<()>>("c", "C.Wait", &nothing);
        async move {
            match way {
                Way::Bare => call.await,
                Way::Forwarded => call.await.map_err(Error::forward),
            }
        }
    });
    let b = b.endpoint("B.HandOn", hand_on).start().await.unwrap();
    let a = service(&registry, "a", transport()).await;
    let call = a.client().call::<_, Plain<()>>("b", "B.HandOn", &Plain(()));
    let error = call.timeout(ALLOWED).await.unwrap_err();
    Late { error, b, c }
}

macro_rules! over_every_transport {
    ($($fact:ident: $way:ident)*) => {
        mod over_frames {
            $(#[tokio::test]
            async fn $fact() {
                let late = super::late(super::FramesTransport::default, super::Way::$way);
                super::$fact(late.await);
            })*
        }

        mod over_http {
            $(#[tokio::test]
            async fn $fact() {
                let late = super::late(super::HttpTransport::default, super::Way::$way);
                super::$fact(late.await);
            })*
        }

        mod in_memory {
            $(#[tokio::test(start_paused = true)]
            async fn $fact() {
                let transport = super::MemoryTransport::new();
                let late = super::late(move || transport.clone(), super::Way::$way);
                super::$fact(late.await);
            })*
        }
    };
}

over_every_transport! {
    the_first_is_told_which_hop_was_late: Bare
    the_hop_says_how_long_it_had: Bare
    the_error_is_that_of_the_one_between: Bare
    an_error_that_is_forwarded_is_that_of_the_hop: Forwarded
    an_error_that_is_forwarded_names_the_hop_as_well: Forwarded
    the_first_is_told_how_long_it_waited: Bare
}

fn the_first_is_told_which_hop_was_late(late: Late) {
    let said = late.error.detail();

    let b = format!("B.HandOn of b at {}, attempt 1", late.b.address());
    let c = format!("C.Wait of c at {}, attempt 1", late.c.address());
    let (first, last) = (said.find(&b), said.find(&c));
    assert!(first.is_some() && first < last, "{said}");
}

fn the_hop_says_how_long_it_had(late: Late) {
    let said = late.error.detail();

    let (_, had) = said
        .split_once("C.Wait was not done within the ")
        .expect(said);
    let had: u64 = had
        .split_once("ms that it had")
        .expect(said)
        .0
        .parse()
        .unwrap();
    assert!((800..=900).contains(&had), "{said}");
}

fn the_error_is_that_of_the_one_between(late: Late) {
    assert_eq!((late.error.code(), late.error.id()), (504, "b"));
}

fn an_error_that_is_forwarded_is_that_of_the_hop(late: Late) {
    assert_eq!((late.error.code(), late.error.id()), (504, "c"));
}

fn an_error_that_is_forwarded_names_the_hop_as_well(late: Late) {
    the_first_is_told_which_hop_was_late(late);
}

fn the_first_is_told_how_long_it_waited(late: Late) {
    let waited = millis(&late.error, "waiting for its reply");

    let said = &late.error;
    assert!(
        waited.is_some_and(|waited| (800.0..=950.0).contains(&waited)),
        "{said}"
    );
}
