//! The thread that speaks mDNS: it answers, asks, announces, and takes in what it hears.
//!
//! It has a runtime of its own: go-micro waits a tenth of a second for an answer, however busy the program is.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use simple_dns::Question;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::names::{SERVICES, is_name};
use super::nodes::{Key, Nodes, key};
use super::own::Own;
use super::packet::{self, Said, Told};
use super::records::{self, Records};
use super::sockets::{Arrived, Opened, Sender, Sockets};
use super::zone::answers;
use crate::registry::interfaces::is_loopback_address;

/// How often what is watched is asked for again: nodes of go-micro say nothing by themselves.
const ASK: Duration = Duration::from_secs(10);

/// For how long the services that are listed are asked for, one by one.
const LISTING: Duration = Duration::from_millis(200);

/// How many names of services are asked for in one listing.
const MOST_NAMES: usize = 1024;

pub(super) enum Command {
    /// Announces a node, at once if it is new or changed.
    Announce(Box<Own>),
    /// Says that a node leaves; tells when it has.
    Withdraw(Key, oneshot::Sender<()>),
    /// Asks for the nodes of a service.
    Ask(String),
    /// Asks for all services.
    List,
    /// Asks for the nodes of a service, or of all, again and again while the other end lives.
    Follow(Option<String>, Weak<()>),
}

pub(super) struct Engine {
    sockets: Sockets,
    nodes: Arc<Nodes>,
    domains: Arc<[String]>,
    own: HashMap<Key, Own>,
    followed: Vec<(Option<String>, Weak<()>)>,
    ask_at: Instant,
    /// The names that were asked for in this listing, and when it ends.
    listed: (HashSet<String>, Instant),
}

impl Engine {
    /// Runs until nobody can command it any more; then says that the nodes leave.
    pub(super) fn run(
        opened: Opened,
        nodes: Arc<Nodes>,
        domains: Arc<[String]>,
        commands: mpsc::Receiver<Command>,
    ) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let (sockets, arrived) = Sockets::start(opened)?;
            let engine = Self {
                sockets,
                nodes,
                domains,
                own: HashMap::new(),
                followed: Vec::new(),
                ask_at: Instant::now(),
                listed: (HashSet::new(), Instant::now()),
            };
            engine.serve(commands, arrived).await;
            Ok(())
        })
    }

    async fn serve(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut arrived: mpsc::Receiver<Arrived>,
    ) {
        loop {
            let next = self.beat().await;
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                Some(arrived) = arrived.recv() => self.hear(&arrived).await,
                () = sleep_until(next) => {}
            }
        }
        for own in self.own.values() {
            own.leave(&self.sockets).await;
        }
    }

    /// Does what is due; says when the next is.
    async fn beat(&mut self) -> Instant {
        let now = Instant::now();
        let is_over = |own: &Own| own.until.is_some_and(|until| until <= now);
        let over = self.own.iter().filter(|(_, own)| is_over(own));
        for key in over.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.withdraw(&key).await;
        }
        for own in self.own.values_mut() {
            own.step(now, &self.sockets).await;
        }
        if self.ask_at <= now {
            self.ask_at = now + ASK;
            self.nodes.expire();
            self.followed.retain(|(_, alive)| alive.strong_count() > 0);
            let mut names: Vec<_> = self.followed.iter().map(|(name, _)| name.clone()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                self.look(name).await;
            }
        }
        let next = self.own.values().filter_map(Own::next);
        next.min().unwrap_or(self.ask_at).min(self.ask_at)
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Announce(own) => self.announce(*own),
            Command::Withdraw(key, done) => {
                self.withdraw(&key).await;
                // It fails if nobody waits for it.
                done.send(()).ok();
            }
            Command::Ask(name) => self.look(Some(name)).await,
            Command::List => self.look(None).await,
            Command::Follow(name, alive) => {
                self.followed.push((name.clone(), alive));
                self.look(name).await;
            }
        }
    }

    fn announce(&mut self, own: Own) {
        let key = key(own.service());
        match self.own.get_mut(&key) {
            Some(known) if known.service() == own.service() => known.until = own.until,
            known => {
                let own = if known.is_some() { own.changed() } else { own };
                self.nodes.put_own(own.service().clone());
                self.own.insert(key, own);
            }
        }
    }

    async fn withdraw(&mut self, key: &Key) {
        if let Some(own) = self.own.remove(key) {
            self.nodes.remove_own(key);
            own.leave(&self.sockets).await;
        }
    }

    /// Asks for the nodes of a service, or for all services.
    async fn look(&mut self, name: Option<String>) {
        if name.is_none() {
            self.listed = (HashSet::new(), Instant::now() + LISTING);
        }
        self.ask(name.as_deref().unwrap_or(SERVICES)).await;
    }

    async fn ask(&self, name: &str) {
        for domain in &*self.domains {
            let name = format!("{name}.{domain}");
            if !is_name(&name) {
                // Nobody can be called so.
                continue;
            }
            match records::question(&name) {
                Ok(question) => self.sockets.say(&question, false).await,
                Err(error) => tracing::debug!(name, %error, "an mDNS question cannot be asked"),
            }
        }
    }

    async fn hear(&mut self, arrived: &Arrived) {
        let Some(sender) = self.sockets.sender(arrived.from) else {
            return;
        };
        match packet::read(&arrived.packet, &self.domains) {
            None => {}
            Some(Said::Asked(id, questions)) => {
                for question in &questions {
                    self.reply(id, question, arrived, sender).await;
                }
            }
            Some(Said::Told(told)) => {
                for told in told {
                    self.take_in(told, arrived.is_answer, sender).await;
                }
            }
        }
    }

    async fn reply(&self, id: u16, question: &Question<'_>, asked: &Arrived, sender: Sender) {
        // What is on loopback is of no use to other hosts.
        let is_for_asker = |own: &&Own| sender == Sender::ThisHost || !own.is_local();
        let own = self.own.values().filter(is_for_asker);
        let nodes: Vec<(&str, &[Records])> = own.map(Own::named).collect();
        for records in answers(question, &nodes, &self.domains) {
            match records::answer(id, question, records.records()) {
                Ok(packet) => self.sockets.answer(&packet, asked.from).await,
                Err(error) => tracing::debug!(%error, "an mDNS answer cannot be written"),
            }
        }
    }

    async fn take_in(&mut self, told: Told, is_answer: bool, sender: Sender) {
        match told {
            Told::Node(service) => {
                let mut addresses = service.nodes.iter().map(|node| node.address.as_str());
                if sender == Sender::ThisHost || !addresses.any(is_loopback_address) {
                    self.nodes.hear(service, is_answer);
                }
            }
            Told::Gone { service, id } => self.nodes.hear_no_more(&(service, id)),
            Told::Name(name) => {
                let (names, until) = &mut self.listed;
                let is_asked = Instant::now() < *until && names.len() < MOST_NAMES;
                if is_asked && names.insert(name.clone()) {
                    self.ask(&name).await;
                }
            }
        }
    }
}
