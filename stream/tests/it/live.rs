//! What every live feed keeps true.

use std::sync::Arc;

use domain::{Click, ClickId, Device, GeoPlace, LinkId, Method, Millis, Outcome, Seq, Utm, Verdict, VerdictReason, WorkspaceId};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use stream::{Announcement, LiveFeed, LocalFeed, NatsFeed};
use testkit::NatsServer;

use crate::fixture::{PATIENCE, connect, workspace};

fn click(seq: Seq, url: &str) -> Click {
    Click {
        id: ClickId::new(Millis(seq), [0; 10]),
        seq,
        link: LinkId::new(Millis(0), [1; 10]),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: url.into(),
        target: "https://example.com/".into(),
        verdict: Verdict::Human,
        verdict_reason: VerdictReason::NoSignal,
        place: GeoPlace::default(),
        browser: None,
        browser_version: None,
        os: None,
        os_version: None,
        device: Device::Unknown,
        language: None,
        user_agent: None,
        referrer: None,
        referrer_host: None,
        utm: Utm::default(),
        parameters: vec![],
        network: None,
        redirect_micros: 0,
        rule: None,
        channel: None,
        rules_version: 0,
        geo_version: None,
        system: None,
        system_version: None,
        visitor: None,
        ip: None,
        signals: domain::SignalSet::default(),
    }
}

fn announcement(workspace: WorkspaceId, previous: Seq, head: Seq, url: &str) -> Announcement {
    Announcement { workspace, previous, head, clicks: Arc::new((previous + 1..=head).map(|seq| click(seq, url)).collect()) }
}

async fn next(news: &mut BoxStream<'static, Announcement>) -> Announcement {
    tokio::time::timeout(PATIENCE, news.next()).await.expect("news in time").expect("an open feed")
}

/// Announces until the follower hears: a subscription over a network takes a moment.
async fn settle(feed: &dyn LiveFeed, of: WorkspaceId, news: &mut BoxStream<'static, Announcement>) {
    let mut announcing = tokio::time::interval(std::time::Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = announcing.tick() => feed.announce(announcement(of, -1, -1, "")).await,
            _ = news.next() => return,
        }
    }
}

/// The next that is not one of those that settled the subscription.
async fn next_real(news: &mut BoxStream<'static, Announcement>) -> Announcement {
    loop {
        let announcement = next(news).await;
        if announcement.head >= 0 {
            return announcement;
        }
    }
}

async fn followers_hear_their_workspace_and_no_other(feed: impl LiveFeed) {
    let (ours, theirs) = (workspace(1), workspace(2));
    let (mut first, mut second) = (feed.follow(ours).await.unwrap(), feed.follow(ours).await.unwrap());
    settle(&feed, ours, &mut first).await;
    settle(&feed, ours, &mut second).await;
    feed.announce(announcement(theirs, 0, 1, "x")).await;
    let sent = announcement(ours, 3, 6, "x");
    feed.announce(sent.clone()).await;
    for news in [&mut first, &mut second] {
        assert_eq!(next_real(news).await, sent);
    }
}

async fn large_news_arrive_and_join_on(feed: impl LiveFeed) {
    let ours = workspace(1);
    let mut news = feed.follow(ours).await.unwrap();
    settle(&feed, ours, &mut news).await;
    feed.announce(announcement(ours, 10, 1_010, &"x".repeat(2_000))).await;
    let (mut head, mut told) = (10, Vec::new());
    while head < 1_010 {
        let part = next_real(&mut news).await;
        assert_eq!(part.previous, head);
        head = part.head;
        told.extend(part.clicks.iter().map(|click| click.seq));
    }
    assert_eq!(told, (11..=1_010).collect::<Vec<_>>());
}

async fn nobody_needs_to_listen(feed: impl LiveFeed) {
    let ours = workspace(1);
    feed.announce(announcement(ours, 0, 1, "x")).await;
    drop(feed.follow(ours).await.unwrap());
    feed.announce(announcement(ours, 1, 2, "x")).await;
    let mut news = feed.follow(ours).await.unwrap();
    settle(&feed, ours, &mut news).await;
}

macro_rules! conformance {
    ($($test:ident),+) => {
        mod local {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::LocalFeed::default()).await;
            })+
        }
        mod nats {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let server = super::NatsServer::start();
                super::$test(super::NatsFeed::new(super::connect(&server).await)).await;
            })+
        }
    };
}

conformance!(followers_hear_their_workspace_and_no_other, large_news_arrive_and_join_on, nobody_needs_to_listen);
