"""The floors of the house: who may import whom, and what nobody may do.

A module imports only from floors below its own. A new file gets a place in FLOORS; a file without
a place fails here, and so does a place without a file.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FACE = "mixedwidgets"  # mixedwidgets/__init__.py, which may name everything for type checkers

# Ground floor first; modules of one floor do not import each other. Names are relative to the
# package, and a package's own name stands for its __init__.py, which imports nothing.
FLOORS = [
    line.split()
    for line in """
_version errors homework lmm plots widgets
catalogue fingerprints lmm.callbacks lmm.control
lmm.call

# likelihood theory by hand
likelihood.inputs likelihood.layout likelihood.tables
likelihood.binary likelihood.groups likelihood.intervals likelihood.mvnorm likelihood.normal
likelihood.oneway_algebra
likelihood.binomial_curve likelihood.components
likelihood.anova likelihood.models
likelihood.derivatives likelihood.oneway_point likelihood.userfunction
likelihood.bounds likelihood.search
likelihood.curvature likelihood.held likelihood.optim likelihood.scattered
likelihood.remarks
likelihood.maximum likelihood.newton_steps
likelihood.maximize likelihood.maximum_view
likelihood

# a formula and a DataFrame become a Design
lmm.settings lmm.small
lmm.flags lmm.foreign lmm.linalg lmm.tables
lmm.diagnostic_tables lmm.group_tables lmm.interval_tables lmm.simpler_tables
lmm.bases lmm.coding lmm.columns lmm.expressions lmm.matrices lmm.mixture
lmm.cautions lmm.checks lmm.groups lmm.lexer lmm.signatures
lmm.arguments lmm.rowwise lmm.terms
lmm.functions
lmm.modelmatrix lmm.spec
lmm.random_terms
lmm.formula lmm.frame
lmm.recipe lmm.update
lmm.design
lmm.fitted_design lmm.nesting lmm.new_response lmm.re_form lmm.rows

# a Design becomes an Estimate
lmm.blockdiag lmm.newton lmm.solved lmm.theta lmm.whitening
lmm.fixed_rows
lmm.crossproducts
lmm.lines
lmm.grouped
lmm.two_effects
lmm.batch lmm.coupling lmm.grouped_deviance lmm.spectral_null
lmm.batch_newton lmm.crossed
lmm.crossed_deviance
lmm.crossed_derivatives
lmm.identify
lmm.moments
lmm.deviance lmm.memory
lmm.evidence lmm.objective lmm.start
lmm.optimize
lmm.all_fit lmm.batch_search lmm.devfun lmm.estimate lmm.progress lmm.refit

# an Estimate becomes answers
lmm.jet lmm.parameters lmm.polar
lmm.constrained lmm.labels lmm.rays lmm.slice_factor
lmm.implied
lmm.constrain lmm.estimate_at lmm.verdict
lmm.contributions lmm.ftests lmm.hypotheses lmm.leverage lmm.pca lmm.ranef lmm.satterthwaite
lmm.kenward_roger lmm.variance_explained
lmm.held_fixed lmm.pooling lmm.pooling_path lmm.predict lmm.residuals lmm.scales lmm.wald
lmm.augment lmm.caterpillar lmm.ceiling lmm.deletion lmm.dial lmm.one_group lmm.simulate
lmm.level_deletion
lmm.diagnose lmm.profile
lmm.draws lmm.influence lmm.intervals lmm.profile_trace lmm.surface_axes lmm.walk
lmm.seeking lmm.surface_spline
lmm.foretold
lmm.surface
lmm.point
lmm.autopsy lmm.profile_pairs
lmm.refits lmm.rformat lmm.rlayout
lmm.dropping lmm.report lmm.scores
lmm.simpler_steps lmm.variance_tests
lmm.simpler
lmm.score_tests
lmm.fitted lmm.html lmm.stattext
lmm.interval_table lmm.stattable
lmm.bootstrap lmm.fitting
lmm.collecting lmm.confint lmm.five
lmm.fit_resampling
lmm.profile_table
lmm.fit_diagnostics lmm.fit_inference lmm.fit_likelihood lmm.fit_pooling
lmm.fit_prediction
lmm.fit
lmm.compare lmm.drop1 lmm.lmer

# each student's homework
homework.chance homework.identity homework.record homework.scenario homework.sheet
homework.rows homework.truth
homework.fits
homework.solvable
homework.world
homework.keys homework.pictures
homework.questions.item homework.seals
homework.questions.facts homework.questions.question
homework.questions.binomial homework.questions.choosing homework.questions.failing
homework.questions.fits homework.questions.numbering homework.questions.oneway
homework.questions.own_choices homework.questions.placing
homework.questions.information homework.questions.own homework.questions.shrinkage
homework.questions.predicting
homework.questions

# what students hand in becomes grades
homework.opening
homework.reading
homework.diagnosing homework.formulas homework.showing
homework.others
homework.judging
homework.page
homework.results
homework.grade

# a homework becomes notebooks
homework.guarded
homework.cells
homework.notebooks homework.sheets
homework.marking homework.nbgrader homework.otter homework.plain
homework.write
homework.homework

# a model becomes a script
export_code
export_source
export_data
export
export_notebook

# answers become pictures
plots.lettering plots.numbers plots.paper
plots.style
plots.sheet
plots.answer_marks plots.binomial_rows plots.group_marks plots.oneway_surface plots.oneway_words
plots.answer_curve plots.answer_groups plots.answer_surface plots.binomial plots.maximum_curve
plots.maximum_surface
plots.maximum
plots.oneway_data plots.pooled
plots.caterpillar plots.dial plots.group
plots.cloud plots.smooth
plots.by_group plots.influential plots.residual_qq plots.residuals plots.thumbnail
plots.construction plots.lattice plots.shrinkage plots.slices plots.strips plots.surface_point
plots.autopsy plots.five plots.intervals plots.profile_density plots.profile_pairs plots.surface
plots.zeta
plots.figures

# choices become answers and pictures
widgets.controls widgets.delimited widgets.garbage widgets.keepsake widgets.kinds widgets.longwork
widgets.moving widgets.png widgets.upload
widgets.difference widgets.guard widgets.own_columns widgets.rowfilter
widgets.own_table
widgets.columns widgets.comparison widgets.wish
widgets.history widgets.roles widgets.state
widgets.menus widgets.relation
widgets.spec_from_choices
widgets.picture widgets.resolve
widgets.choices_from_spec widgets.control_columns widgets.control_formula widgets.control_pairs
widgets.control_rows widgets.control_second
widgets.asked widgets.chooser widgets.session widgets.working
widgets.panels widgets.panels.choice
widgets.theory widgets.theory.sliders widgets.theory.steps_table
widgets.panels.base widgets.theory.base
widgets.panels.code widgets.panels.compare widgets.panels.picture_panel widgets.panels.summary
widgets.theory.binomial widgets.theory.maximum widgets.theory.oneway
widgets.panels.boundary widgets.panels.group_panel widgets.panels.intervals widgets.panels.profile
widgets.panels.surface
widgets.desk widgets.panels.caterpillar widgets.panels.diagnostics widgets.panels.group
widgets.panels.shrinkage
widgets.explorer
widgets.own_data

# answers to a homework
widgets.answers widgets.answers.ground widgets.answers.outputs widgets.answers.sidecar
widgets.answers.typed
widgets.answers.box widgets.answers.earlier widgets.answers.words
widgets.answers.base
widgets.answers.choice widgets.answers.feedback widgets.answers.number widgets.answers.pictured
widgets.answers.recorder
widgets.answers.interval widgets.answers.point widgets.answers.summary
widgets.answers.question
widgets.answers.worksheet
""".splitlines()
    if line and not line.startswith("#")
]

# In lmm, pandas is where data come in and where results go out with labels; the numbers between
# know arrays alone.
READ_DATA = [
    *("lmm.checks", "lmm.coding", "lmm.columns", "lmm.design", "lmm.foreign", "lmm.frame"),
    *("lmm.functions", "lmm.groups", "lmm.new_response", "lmm.recipe", "lmm.rows", "lmm.rowwise"),
]
LABEL_ANSWERS = [
    *("likelihood.maximize", "likelihood.maximum"),
    *("lmm.augment", "lmm.bootstrap", "lmm.collecting", "lmm.influence"),
    *("lmm.fit", "lmm.fit_diagnostics", "lmm.fit_inference", "lmm.fit_prediction", "lmm.fitted"),
    *(
        "lmm.fit_pooling",
        "lmm.fitting",
        "lmm.interval_table",
        "lmm.profile_table",
        "lmm.ranef",
        "lmm.stattable",
    ),
]

# Third-party package -> the modules, or packages of modules, that may import it.
THIRD_PARTY = {
    "numpy": [
        *("catalogue", "fingerprints", "likelihood", "lmm", "export_code", "homework.questions"),
        *("plots", "widgets"),
    ],
    "scipy": ["catalogue", "homework.questions.choosing", "likelihood", "lmm", "plots", "widgets"],
    "pandas": [
        "catalogue",
        "fingerprints",
        *(
            "homework.fits",
            "homework.homework",
            "homework.questions.own",
            "homework.results",
            "homework.world",
        ),
        *READ_DATA,
        *LABEL_ANSWERS,
        *("export", "export_code", "export_data", "export_notebook"),
        "plots",
        "widgets",
    ],
    "matplotlib": ["plots", "widgets"],
    "nbformat": ["export_notebook", "homework.notebooks"],
    "ipywidgets": ["widgets"],
    "anywidget": ["widgets"],
    "traitlets": ["widgets"],
    "IPython": ["widgets"],
}

# Pictures draw tables that others computed: of the floors below, they see these alone.
PICTURES_SEE = [
    *("errors", "likelihood.tables", "lmm.tables", "lmm.diagnostic_tables", "lmm.group_tables"),
    *("lmm.interval_tables", "lmm.simpler_tables", "plots"),
]

FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib"}
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {"eval", "exec", "pyplot", "pylab", "read_pickle", "to_pickle"}
ONLY_THE_FACE = {"import_module"}


def within(module: str, places: list[str]) -> bool:
    """Whether a module is one of the places or lies inside one of them."""
    return any(module == place or module.startswith(place + ".") for place in places)


def floor_of(module: str) -> int | None:
    """Return the number of a module's floor, or None if it has none."""
    for number, modules in enumerate(FLOORS):
        if module in modules:
            return number
    return None


def imported(tree: ast.AST) -> Iterator[str]:
    """Every dotted name a file imports, relative imports as they stand (with their dots)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def own_module(name: str) -> str:
    """Return the module of ours that an imported name lives in: ``lmm.fit.Fit`` -> ``lmm.fit``."""
    inner = name.removeprefix("mixedwidgets").removeprefix(".")
    known = [m for modules in FLOORS for m in modules if inner == m or inner.startswith(m + ".")]
    return max(known, key=len, default=inner)


def import_complaints(module: str, name: str) -> Iterator[str]:
    """Say what is wrong with one imported name in one module."""
    top = name.split(".")[0]
    if name.startswith("."):
        yield f"{module} uses a relative import ({name})"
    elif top == "mixedwidgets":
        yield from floor_complaints(module, own_module(name))
    elif set(name.split(".")) & {"pyplot", "pylab"}:
        yield f"{module} imports {name}: pyplot keeps global state"
    elif top in FORBIDDEN_MODULES or name == "importlib.import_module":
        yield f"{module} imports {name}"
    elif top in THIRD_PARTY:
        if not within(module, THIRD_PARTY[top]):
            yield f"{module} imports {top}, which is for {', '.join(THIRD_PARTY[top])}"
    elif top not in sys.stdlib_module_names:
        yield f"{module} imports {top}, which has no line in THIRD_PARTY"


def floor_complaints(module: str, target: str) -> Iterator[str]:
    """Say whether an import of our own goes up, sideways or nowhere."""
    if module == FACE:
        return
    mine, theirs = floor_of(module), floor_of(target)
    if theirs is None:
        yield f"{module} imports {target or 'the face'}, which has no floor"
    elif mine is not None and theirs >= mine:
        yield f"{module} imports {target}, which is not on a floor below"
    elif within(module, ["plots"]) and not within(target, PICTURES_SEE):
        yield f"{module} imports {target}: a picture draws a table and computes nothing"


def use_complaints(module: str, tree: ast.AST) -> Iterator[str]:
    """Say which forbidden names a file uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield f"{module} line {node.lineno} uses {node.id}"
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_ATTRIBUTES:
            yield f"{module} line {node.lineno} uses .{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield f"{module} line {node.lineno} uses allow_pickle"
        elif isinstance(node, ast.Attribute) and node.attr in ONLY_THE_FACE and module != FACE:
            yield f"{module} line {node.lineno} imports by a name made at run time"


def complaints(module: str, source: str) -> list[str]:
    """Everything wrong with one module, as sentences; empty if it keeps to its floor."""
    tree = ast.parse(source)
    if module != FACE and floor_of(module) is None:
        below = {own_module(name) for name in imported(tree) if name.startswith("mixedwidgets")}
        return [f"{module} has no floor: give it one in FLOORS above {sorted(below) or 'nothing'}"]
    found = list(use_complaints(module, tree))
    for name in imported(tree):
        found += import_complaints(module, name)
    return list(dict.fromkeys(found))


def modules_of(repository: Path) -> dict[str, Path]:
    """Name, relative to the package, of every module there is -> its file."""
    package = repository / "mixedwidgets"
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = list(path.relative_to(package).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts) or FACE] = path
    return found


def test_every_module_keeps_to_its_floor(repository: Path) -> None:
    found = []
    for module, path in modules_of(repository).items():
        found += complaints(module, path.read_text())
    assert found == []


def test_no_module_stands_on_two_floors() -> None:
    names = [module for modules in FLOORS for module in modules]
    assert len(names) == len(set(names))


def test_table_names_only_modules_that_exist(repository: Path) -> None:
    modules = modules_of(repository)
    assert [name for names in FLOORS for name in names if name not in modules] == []


def test_everything_imported_is_a_declared_dependency(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    names = {
        name.split(".")[0]
        for path in modules_of(repository).values()
        for name in imported(ast.parse(path.read_text()))
    }
    foreign = names - sys.stdlib_module_names - {"mixedwidgets"}
    assert {canonicalize_name(name) for name in foreign} <= declared


def test_the_face_imports_nothing_at_run_time(repository: Path) -> None:
    tree = ast.parse((repository / "mixedwidgets/__init__.py").read_text())
    at_run_time = ast.Module(
        [node for node in tree.body if not isinstance(node, ast.If)], type_ignores=[]
    )
    own = {own_module(name) for name in imported(at_run_time) if name.startswith("mixedwidgets")}
    assert own == {"_version"}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors", "from mixedwidgets.lmm.fit import lmer"),
        ("errors", "import numpy"),
        ("lmm.linalg", "from mixedwidgets.lmm.moments import Moments"),
        ("lmm.linalg", "import mixedwidgets.lmm.fit"),
        ("lmm.linalg", "from mixedwidgets.lmm import fit"),
        ("lmm.tables", "from mixedwidgets.lmm.linalg import Array"),
        ("lmm.deviance", "def late():\n    from mixedwidgets.lmm.fit import Fit"),
        ("lmm.deviance", "import pandas as pd"),
        ("lmm.deviance", "from matplotlib.figure import Figure"),
        ("lmm.fit", "from IPython.display import display"),
        ("lmm.fit", "from .design import Design"),
        ("lmm.fit", "import mixedwidgets"),
        ("lmm.fit", "from importlib import import_module"),
        ("lmm.fit", "import importlib\nimportlib.import_module('mixedwidgets.widgets')"),
        ("lmm.formula", "eval('x')"),
        ("lmm.formula", "frame.eval('x')"),
        ("lmm.formula", "run = exec"),
        ("lmm.formula", "import pickle"),
        ("lmm.formula", "np.load(path, allow_pickle=True)"),
        ("lmm.formula", "import formulaic"),
        ("plots.surface", "from mixedwidgets.widgets.picture import Picture"),
        ("plots.surface", "from mixedwidgets.lmm.fit import lmer"),
        ("plots.surface", "import matplotlib.pyplot as plt"),
        ("plots.surface", "from matplotlib import pyplot"),
        ("plots.surface", "matplotlib.pyplot.figure()"),
        ("plots.surface", "import ipywidgets"),
        ("widgets.moving", "from mixedwidgets.widgets.picture import Picture"),
        ("widgets.unheard_of", "import numpy"),
    ],
)
def test_the_checker_catches(module: str, source: str) -> None:
    assert complaints(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("catalogue", "import pandas as pd\nfrom mixedwidgets.errors import DataError"),
        ("lmm.design", "import pandas as pd\nfrom mixedwidgets.lmm.linalg import Array"),
        ("lmm.fit", "from mixedwidgets.lmm import deviance\nfrom scipy.linalg import solve"),
        ("lmm.formula", "import re\npattern = re.compile('x')"),
        ("plots.surface", "from matplotlib.figure import Figure"),
        ("plots.surface", "from mixedwidgets.lmm.tables import Surface"),
        ("widgets.picture", "import ipywidgets\nfrom mixedwidgets.widgets.moving import Moving"),
    ],
)
def test_the_checker_lets_pass(module: str, source: str) -> None:
    assert complaints(module, source) == []
