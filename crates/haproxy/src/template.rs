//! The operator's template: lines of his own at the end of each section of every configuration.
//!
//! It is rendered once for each section, and what it gives is put there. What it is told of a
//! section can only change with another process, so that changes through the runtime socket need
//! not ask it.

mod bounded;
mod sample;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::{Listener, ListenerId, LoadBalancerGraph, LoadBalancerId, Pool, PoolId};
use evenkeel_plumbing::{Confinement, Lifetime, Program};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use crate::configuration::Configuration;
use crate::jail::Jail;
use crate::record::{FILE_FROM_JAIL, Notes};
use crate::writer::{OperatorLine, Section, Unfit};
use crate::{carried, complaint};
use bounded::Bounded;

/// How long the template may be, in bytes: it is kept with each configuration that it is part of.
const LONGEST: usize = 16 * 1024;

/// How many steps of a template engine one section may take.
const FUEL: u64 = 20_000;

/// How long HAProxy may take to check the sample.
const CHECK: Duration = Duration::from_secs(10);

/// The name of the one template there is.
const NAME: &str = "template";

/// A template that has been parsed.
#[derive(Clone, Debug)]
pub struct Template {
    source: String,
    environment: Environment<'static>,
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read the HAProxy template {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is longer than 16 KiB.
    #[error("the HAProxy template is longer than {LONGEST} bytes; shorten it")]
    TooLong,
    /// It is no template, or it asks for what there is not.
    #[error("the HAProxy template fails at line {line}: {reason}; correct it and start again")]
    Fails {
        /// Where.
        line: usize,
        /// Why.
        reason: String,
    },
    /// It gives something that is no line of a section.
    #[error("the HAProxy template gives a {section} section an unfit line")]
    Line {
        /// The kind of section.
        section: String,
        /// Why it is unfit.
        source: Unfit,
    },
    /// HAProxy does not take a sample configuration with it.
    #[error(
        "HAProxy refuses what the template gives: {said}; correct it and start again; to see more, \
         start without it and try the lines with `haproxy -c`"
    )]
    Refused {
        /// In its words, with the lines it complains about.
        said: String,
    },
    /// HAProxy could not be asked.
    #[error("could not check the HAProxy template")]
    Unchecked(#[source] io::Error),
}

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let reason = format!("{}{detail}", error.kind());
        Self::Fails { line: error.line().unwrap_or(1), reason }
    }
}

impl Template {
    /// Reads a template from a file.
    ///
    /// # Errors
    ///
    /// As [`Template::new`], and [`TemplateError::File`].
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        let source = fs::read_to_string(path);
        let source =
            source.map_err(|source| TemplateError::File { path: path.to_owned(), source })?;
        Self::new(source)
    }

    /// Parses a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`]: it is too long, or no template.
    pub fn new(source: String) -> Result<Self, TemplateError> {
        if source.len() > LONGEST {
            return Err(TemplateError::TooLong);
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.add_template_owned(NAME, source.clone())?;
        Ok(Self { source, environment })
    }

    /// The text that was parsed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Ends the sections of a configuration with what the template gives for them.
    ///
    /// # Errors
    ///
    /// [`TemplateError`]: it asks for what there is not, gives too much, or no lines.
    pub fn extend(
        &self,
        configuration: &mut Configuration,
        graph: &LoadBalancerGraph,
    ) -> Result<(), TemplateError> {
        let whole = Told::of(graph);
        self.end(&mut configuration.global, &whole)?;
        for shared in &mut configuration.shared {
            if shared.kind() == "defaults" {
                self.end(shared, &whole)?;
            }
        }
        for frontend in &mut configuration.frontends {
            let listener = graph.listeners.iter().find(|listener| listener.id == frontend.id);
            let told = Told { listener: listener.map(ToldListener::of), ..Told::of(graph) };
            self.end(&mut frontend.section, &told)?;
        }
        for backend in &mut configuration.backends {
            let pool = graph.pool(backend.id.pool()).map(ToldPool::of);
            self.end(&mut backend.section, &Told { pool, ..Told::of(graph) })?;
        }
        Ok(())
    }

    fn end(&self, section: &mut Section, told: &Told) -> Result<(), TemplateError> {
        let kind = section.kind().to_owned();
        let mut text = Bounded::default();
        let told = context! { section => kind.as_str(), ..Value::from(Serde(told)) };
        self.environment.get_template(NAME)?.render_captured_to(told, &mut text)?;
        let text = text.text();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines = lines.map(|line| OperatorLine::try_from(line.to_owned()));
        let lines: Result<Vec<_>, Unfit> = lines.collect();
        section.end_with(lines.map_err(|source| TemplateError::Line { section: kind, source })?);
        Ok(())
    }

    /// Shows HAProxy a sample configuration with the template, in a directory that is there and
    /// empty.
    ///
    /// # Errors
    ///
    /// [`TemplateError`]: HAProxy refuses it, or cannot be started.
    pub async fn check(&self, haproxy: &Path, directory: &Path) -> Result<(), TemplateError> {
        let (mut configuration, graph) = sample::configuration();
        self.extend(&mut configuration, &graph)?;
        let notes = Notes::of(directory);
        let states = carried::NOTHING.to_owned();
        notes.note_states(states).await.map_err(TemplateError::Unchecked)?;
        notes.note_configuration(&configuration).await.map_err(TemplateError::Unchecked)?;
        let jail = Jail::of(directory, None);
        jail.prepare().await.map_err(TemplateError::Unchecked)?;
        let program = Program {
            path: haproxy.to_owned(),
            arguments: ["-c", "-f", FILE_FROM_JAIL].map(Into::into).to_vec(),
            directory: jail.path().to_owned(),
            lifetime: Lifetime::WithParent,
            confinement: Confinement::default(),
        };
        let ended = program.run(CHECK).await.map_err(TemplateError::Unchecked)?;
        if ended.succeeded {
            Ok(())
        } else {
            Err(TemplateError::Refused {
                said: complaint::with_lines(&ended.said, &configuration.to_string()),
            })
        }
    }
}

/// What a template is told, besides what kind of section it is in: nothing that a tenant has
/// written, and nothing that is changed through the runtime socket.
#[derive(Debug, Serialize)]
struct Told {
    load_balancer: ToldLoadBalancer,
    /// In frontends only.
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<ToldListener>,
    /// In backends only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<ToldPool>,
}

#[derive(Debug, Serialize)]
struct ToldLoadBalancer {
    id: LoadBalancerId,
}

#[derive(Debug, Serialize)]
struct ToldListener {
    id: ListenerId,
    protocol: ListenerProtocol,
    port: u16,
}

#[derive(Debug, Serialize)]
struct ToldPool {
    id: PoolId,
    protocol: PoolProtocol,
    algorithm: Algorithm,
}

impl Told {
    fn of(graph: &LoadBalancerGraph) -> Self {
        let load_balancer = ToldLoadBalancer { id: graph.load_balancer.id };
        Self { load_balancer, listener: None, pool: None }
    }
}

impl ToldListener {
    fn of(listener: &Listener) -> Self {
        let Listener { id, protocol, protocol_port, .. } = listener;
        Self { id: *id, protocol: *protocol, port: protocol_port.get() }
    }
}

impl ToldPool {
    fn of(pool: &Pool) -> Self {
        let Pool { id, protocol, algorithm, .. } = pool;
        Self { id: *id, protocol: *protocol, algorithm: *algorithm }
    }
}
