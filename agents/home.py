"""The home: every store of one tenant under `NIGHTSCHOOL_HOME`, opened once and passed down."""

from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine

from core.artefacts import MINILM, ArtefactStore
from core.bases import BaseStore
from core.database import open_database
from core.jobs import JobStore
from core.keyring import Keyring
from core.keys import KeyStore
from core.merged import MergedStore
from core.releases import ReleaseStore
from core.settings import Settings
from core.traces import TraceStore
from core.types.principal import Principal
from retrieval.asked import AskedStore
from retrieval.embed import Embedder
from retrieval.knowledge import Knowledge
from retrieval.store import KnowledgeStore
from retrieval.vectors import open_index
from tools.approvals import Approvals
from tools.audit import Audit
from tools.executor import BackEnd, Executor
from tools.ledger import Ledger
from tools.migration_store import MigrationStore
from tools.plans import Plans
from tools.policy import PolicyFile
from tools.registry import Registry

_DEFAULT_TENANT: str = Settings.model_fields["tenant"].default


class Home:
    """Opens the database; everything else is opened when first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database: Engine = open_database(settings)
        self.principal = Principal(tenant=settings.tenant)
        self.registry = Registry(self.database, settings.tenant)
        self.migrations = MigrationStore(self.database, settings.tenant)
        self.traces = TraceStore(self.database, settings.tenant)
        self.releases = ReleaseStore(self.database, settings.tenant, settings.home / "releases")
        self.jobs = JobStore(self.database, settings.tenant)
        self.keys = KeyStore(self.database)
        self.keyring = Keyring(settings.keys_file or settings.home / "keys" / "signing.json")
        self.audit = Audit(self.database, settings.tenant, self.keyring, settings.audit_anchor or settings.home / "audit.anchor")
        self.ledger = Ledger(self.database, settings.tenant, self.audit)
        self.approvals = Approvals(self.database, settings.tenant, self.keyring, self.audit)
        self.plans = Plans(self.database, settings.tenant, self.audit)
        self.policy = PolicyFile(settings.home / "policy.toml")
        self.artefacts = ArtefactStore(settings.artefact_folder)
        self.bases = BaseStore(self.artefacts)
        self.merged = MergedStore(settings.home / "merged")

    def executor(self, back_end: BackEnd) -> Executor:
        """The write path to a business system."""
        return Executor(self.ledger, back_end, self.policy, self.approvals)

    @property
    def folder(self) -> Path:
        """Where the tenant's nights, data sets and golden sets lie: the home itself, or a folder below it for all but the default
        one."""
        home, tenant = self.settings.home, self.settings.tenant
        return home if tenant == _DEFAULT_TENANT else home / "tenants" / quote(tenant, safe="").replace(".", "%2E")

    @property
    def nights(self) -> Path:
        """Where nights keep their steps."""
        return self.folder / "nights"

    @property
    def routers(self) -> Path:
        """Where fitted routers lie, by name."""
        return self.settings.home / "routers"

    @property
    def threads(self) -> Path:
        """The threads' file."""
        return self.settings.home / "threads.sqlite"

    @property
    def company(self) -> Path:
        """The sandbox company's file."""
        return self.settings.home / "erp" / "company.sqlite"

    @cached_property
    def knowledge(self) -> Knowledge:
        """What can be looked up."""
        tenant, folder = self.settings.tenant, self.settings.home / "chroma"
        store = KnowledgeStore(self.database, tenant)
        asked = AskedStore(self.database, tenant, MINILM.name)
        return Knowledge(store, self.embedder, MINILM.name, lambda: open_index(folder, f"knowledge-{tenant}"), asked)

    @cached_property
    def embedder(self) -> Embedder:
        """The sentence encoder."""
        return Embedder(self.artefacts.path(MINILM))
