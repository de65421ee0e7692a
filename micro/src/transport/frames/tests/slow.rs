//! Peers that are slow, silent, or there for long.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::super::frame::{END, HEADER, Kind, MORE};
use super::super::limits_preface;
use super::super::preface::LENGTH;
use super::limits::{call, frame, peer};
use super::*;
use crate::tls::Ends;
use crate::transport::Channel;

const SECOND: Duration = Duration::from_secs(1);

/// How long a server waits for the rest of what `bytes` begin, of which one comes each second, and what it says then.
async fn left_after(bytes: &[u8], first: usize) -> (Duration, String) {
    let (mut peer, server) = peer().await;
    let began = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(&mut peer);
    let said = async {
        let mut said = Vec::new();
        reader.read_to_end(&mut said).await.unwrap();
        said
    };
    let write = async {
        let _ = writer.write_all(&bytes[..first]).await;
        for byte in &bytes[first..] {
            sleep(SECOND).await;
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await
    };
    let said = tokio::select! { said = said => said, () = write => unreachable!() };
    server.await.unwrap();
    (began.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(start_paused = true)]
async fn a_preface_that_comes_byte_by_byte_is_not_waited_for() {
    let (mut here, there) = duplex(1 << 10);
    let (server, _site) = server(there, echo(), Limits::default());
    let began = Instant::now();

    for byte in limits_preface(&Limits::default()).write() {
        let _ = here.write_all(&[byte]).await;
        sleep(SECOND).await;
    }

    server.await.unwrap();
    assert!(here.read(&mut [0]).await.unwrap() == 0);
    assert!(began.elapsed() >= Duration::from_secs(LENGTH as u64));
}

#[tokio::test(start_paused = true)]
async fn frames_that_come_byte_by_byte_are_cut_off() {
    let long = call(END, 1, &[0; 900]);

    for (what, first) in [("header", 1), ("head", HEADER + 4), ("body", HEADER + 100)] {
        let (took, said) = left_after(&long, first).await;

        assert!(took < Duration::from_secs(12), "{what}: {took:?}");
        assert!(said.contains("--body_rate"), "{what}: {said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_message_of_which_nothing_more_comes_is_cut_off() {
    let begun = call(MORE, 1, &500_u32.to_le_bytes());

    let (took, said) = left_after(&begun, begun.len()).await;

    assert!(took < Duration::from_secs(12), "{took:?}");
    assert!(said.contains("--body_rate"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_at_the_rate_that_is_asked_for_may_take_its_time() {
    let (mut peer, _server) = {
        let (mut here, there) = duplex(1 << 10);
        let (server, _site) = server(there, echo(), Limits::default());
        here.write_all(&limits_preface(&Limits::default()).write())
            .await
            .unwrap();
        here.read_exact(&mut [0; LENGTH]).await.unwrap();
        (here, server)
    };
    let total = 200 * (16_u32 << 10);
    peer.write_all(&call(MORE, 1, &total.to_le_bytes()))
        .await
        .unwrap();

    for number in 1..=200 {
        sleep(SECOND).await;
        let flags = if number == 200 { END } else { MORE };
        peer.write_all(&frame(Kind::Data, flags, 1, &[0; 16 << 10]))
            .await
            .unwrap();
    }

    // Room given back for the request, and the reply.
    let mut header = [0; HEADER];
    peer.read_exact(&mut header).await.unwrap();
    assert!([Kind::Reply as u8, Kind::Credit as u8].contains(&header[2]));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_stops_reading_in_the_middle_is_cut_off() {
    let handler = accept(async |request: Request| {
        let body = Body::Bytes(vec![0; 1 << 20].into());
        Ok(Response::new(request.content_type, body))
    });
    let (mut here, there) = duplex(1 << 10);
    let (server, _site) = server(there, handler, Limits::default());
    let began = Instant::now();
    here.write_all(&limits_preface(&Limits::default()).write())
        .await
        .unwrap();

    here.write_all(&call(END, 1, b"")).await.unwrap();

    server.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_no_room_for_its_answer_is_cut_off() {
    let handler = accept(async |request: Request| {
        let body = Body::Bytes(vec![0; 1 << 20].into());
        Ok(Response::new(request.content_type, body))
    });
    let (mut here, there) = duplex(4 << 20);
    let (server, _site) = server(there, handler, Limits::default());
    let mut preface = limits_preface(&Limits::default());
    preface.connection = 1;
    here.write_all(&preface.write()).await.unwrap();

    here.write_all(&[call(END, 1, b""), call(END, 2, b"")].concat())
        .await
        .unwrap();

    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_without_a_word_is_noticed_while_a_handler_runs() {
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
    let handler = accept(move |_| {
        let tell = tell.lock().unwrap().take();
        async move {
            let _tell = tell;
            std::future::pending().await
        }
    });
    let (mut here, there) = duplex(1 << 10);
    let (_server, _site) = server(there, handler, Limits::default());
    let began = Instant::now();
    here.write_all(&limits_preface(&Limits::default()).write())
        .await
        .unwrap();

    here.write_all(&call(END, 1, b"")).await.unwrap();

    // The handler is dropped, and what it holds with it.
    told.await.unwrap_err();
    assert!(
        began.elapsed() <= Duration::from_secs(90),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_gone_without_a_word_leaves_its_calls_as_perhaps_run() {
    let (here, mut there) = duplex(1 << 20);
    let greeting = async {
        there.read_exact(&mut [0; LENGTH]).await.unwrap();
        let preface = limits_preface(&Limits::default()).write();
        there.write_all(&preface).await.unwrap();
    };
    let limits = Limits::default();
    let (connection, ()) = tokio::join!(Connection::start(here, "there".into(), &limits), greeting);
    let connection = connection.unwrap();
    let began = Instant::now();

    let error = channel::call(None, Arc::clone(&connection), request())
        .await
        .unwrap_err();

    assert!(!error.is_never_reached(), "{error}");
    assert!(
        began.elapsed() <= Duration::from_secs(45),
        "{:?}",
        began.elapsed()
    );
    assert!(!connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn connections_that_begin_together_do_not_all_ask_together() {
    let mut asked = std::collections::BTreeSet::new();

    for _ in 0..20 {
        let (mut here, there) = duplex(1 << 10);
        let handler = accept(async |_| std::future::pending().await);
        let (_server, _site) = server(there, handler, Limits::default());
        here.write_all(&limits_preface(&Limits::default()).write())
            .await
            .unwrap();
        here.read_exact(&mut [0; LENGTH]).await.unwrap();
        here.write_all(&call(END, 1, b"")).await.unwrap();
        let began = Instant::now();
        let mut ping = [0; HEADER];
        here.read_exact(&mut ping).await.unwrap();
        assert_eq!(ping[2], Kind::Ping as u8);
        asked.insert(began.elapsed().as_millis());
    }

    assert!(asked.len() > 5, "{asked:?}");
}

fn aging() -> Limits {
    Limits {
        connection_age: Duration::from_secs(600),
        idle_timeout: Duration::from_secs(3600),
        ..Limits::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_come_of_age_finishes_its_calls_and_takes_no_more() {
    let handler = accept(async |request: Request| {
        sleep(Duration::from_secs(700)).await;
        Ok(Response::new(request.content_type, request.body))
    });
    let pair = Pair::with_limits(handler, aging()).await;

    let reply = pair.call("old").await.unwrap();

    assert_eq!(reply, "old");
    assert!(!pair.connection.is_open());
    pair.server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_until_it_has_come_of_age() {
    let pair = Pair::with_limits(echo(), aging()).await;

    sleep(Duration::from_secs(530)).await;
    assert!(pair.connection.is_open());
    sleep(Duration::from_secs(80)).await;

    assert!(!pair.connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_on_its_way_when_its_connection_came_of_age_is_taken() {
    let (mut here, there) = duplex(1 << 10);
    let (_server, _site) = server(there, echo(), aging());
    here.write_all(&limits_preface(&aging()).write())
        .await
        .unwrap();
    here.read_exact(&mut [0; LENGTH]).await.unwrap();
    let mut header = [0; HEADER];
    here.read_exact(&mut header).await.unwrap();
    assert_eq!(header[2], Kind::GoAway as u8);
    let length = u16::from_le_bytes([header[0], header[1]]);
    here.read_exact(&mut vec![0; usize::from(length)])
        .await
        .unwrap();

    here.write_all(&call(END, 1, b"late")).await.unwrap();

    here.read_exact(&mut header).await.unwrap();
    assert_eq!(header[2], Kind::Reply as u8);
}

#[tokio::test]
async fn callers_who_come_together_wait_once_for_a_node_that_does_not_greet() {
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let way = Ends::default().way("greeter");
    let channel = channel::FramesChannel::new(
        &address,
        Limits::default(),
        channel::direct(&address, &Limits::default(), way),
    );
    let began = Instant::now();

    let calls = (0..4).map(|_| channel.call(request()));
    let answers = futures_util::future::join_all(calls).await;

    let never_reached = |answer: &Result<Response>| {
        let error = answer.as_ref().unwrap_err();
        error.is_never_reached() && error.detail().contains("does not speak frames")
    };
    assert!(answers.iter().all(never_reached), "{answers:?}");
    assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
}
