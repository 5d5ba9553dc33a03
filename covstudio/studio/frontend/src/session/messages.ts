// Made by `make frontend` from the messages declared in Python. Do not edit.

export interface Wires {
  bar: {
    down: never;
    state: BarState;
    up:
      SetModelTitle | UndoStep | RedoStep | SaveModel | StartTemplate | ProposeExample | Chunk | StopOpening;
  };
  canvas: {
    down: WireEnds | NodeActions | MovedCards | DropOutcome | Addable | ClipboardText | LayoutProgram;
    state: CanvasState;
    up:
      | NodesMoved
      | NodesSelected
      | NodesDeleted
      | NodesDuplicated
      | RenameNode
      | ShowMatrix
      | NodeAsked
      | WireStarted
      | WireDrawn
      | WireTaken
      | StructureOver
      | StructureDropped
      | AddAsked
      | StructureAdded
      | OperandsSwapped
      | NodesCopied
      | TextPasted
      | StartTemplate
      | LayoutWanted
      | NodesArranged;
  };
  code: {
    down: ClipboardText;
    state: CodeState;
    up: Copy | Download | Language;
  };
  data: {
    down: TableCells;
    state: DataState;
    up:
      | ProposeExample
      | Chunk
      | GiveRole
      | AnswerQuestion
      | OrderLevels
      | CompareWith
      | UseTable
      | DiscardTable
      | DropSecond
      | RefuseFile
      | RefuseSecond
      | WantCells
      | StopReading;
  };
  drafts: {
    down: KeepPart | KeepDraft | DraftBack;
    state: DraftsState;
    up: Chunk | SendAll | ForgetWork | NotKept;
  };
  fit: {
    down: ClipboardText;
    state: FitState;
    up:
      | ChooseResponse
      | CheckFormula
      | WriteFormula
      | ChooseMethod
      | ChooseDegrees
      | LeaveOutColumns
      | KeepColumns
      | StartFit
      | CancelFit
      | SelectNode
      | OpenTab
      | BackToEstimates
      | SaveTable
      | CopyTable
      | TryQuantity
      | AddQuantity
      | RemoveQuantity
      | AskProfile
      | AskOmission
      | StopAsking;
  };
  frame: {
    down: OpenTab | MarkTab | Settle | SaveFile;
    state: FrameState;
    up: PageReady | ThemeChosen | TabOpened | Settled | Resumed;
  };
  inspector: {
    down: MovedParameters;
    state: InspectorState;
    up:
      | RenameNode
      | GiveArgument
      | TakeColumn
      | GiveValue
      | ResetValue
      | FixParameter
      | MoreParameters
      | FindParameters
      | RemoveSelected
      | RepairProblem
      | SelectNode
      | ShowMatrix
      | OpenTab;
  };
  matrix: {
    down: never;
    state: MatrixState;
    up: ReadAs | PlotSeen;
  };
  painter: {
    down: Paint | CellValue;
    state: PainterState;
    up: Drag | Release | Visible | Ping | Query;
  };
  palette: {
    down: never;
    state: PaletteState;
    up: AddStructure | TakeOffer;
  };
  results: {
    down: never;
    state: ResultsState;
    up: never;
  };
  slices: {
    down: SliceValues;
    state: SlicesState;
    up: ShowLarge | Differentiate | MoreSlices;
  };
  status: {
    down: never;
    state: StatusState;
    up: ChipPressed | Dismiss | RefuseFile;
  };
}
/**
 * The title, the menus, what undo and redo would do, and a file that is being opened.
 */
export interface BarState {
  examples: MenuEntry[];
  limit: number;
  opening: FileUnderWay | null;
  redo: string | null;
  templates: MenuEntry[];
  title: string;
  undo: string | null;
}
/**
 * A template or an example, as it is listed.
 */
export interface MenuEntry {
  description: string;
  name: string;
  title: string;
}
/**
 * A file that is being sent, read or built, until it is at hand or somebody cancels.
 *
 * `id` is another one for each file, `share` how much is done, from 0 to 1, where that is known.
 */
export interface FileUnderWay {
  id: number;
  share: number | null;
  text: string;
}
/**
 * The model has another title.
 */
export interface SetModelTitle {
  title: string;
  type: "set-model-title";
}
/**
 * The last step is taken back.
 */
export interface UndoStep {
  type: "undo-step";
}
/**
 * The step that was taken back is done again.
 */
export interface RedoStep {
  type: "redo-step";
}
/**
 * The model is wanted as a file.
 */
export interface SaveModel {
  type: "save-model";
}
/**
 * The model is to be started from a template.
 */
export interface StartTemplate {
  name: string;
  type: "start-template";
}
/**
 * A built-in table is wanted.
 */
export interface ProposeExample {
  name: string;
  type: "propose-example";
}
/**
 * A piece of a file that the page sends (`src/session/upload.ts`).
 *
 * Args:
 *     purpose: what the page wants done with the file.
 *     id: another one for each upload.
 *     name: of the file.
 *     index: which piece it is, from 0.
 *     total: how many there are.
 *     size: of the whole file, in bytes.
 *     data: the piece.
 */
export interface Chunk {
  data: ArrayBuffer;
  id: string;
  index: number;
  name: string;
  purpose: string;
  size: number;
  total: number;
  type: "chunk";
}
/**
 * A file that is being opened is not wanted any more.
 */
export interface StopOpening {
  id: number;
  type: "stop-opening";
}
/**
 * Every end of the wire that started there.
 */
export interface WireEnds {
  ends: WireEnd[];
  node: string;
  slot: string | null;
  type: "wire-ends";
}
/**
 * Where a wire under way may end, or why not; and what becomes of the node that is there.
 */
export interface WireEnd {
  effect: string | null;
  node: string;
  reason: string | null;
  slot: string | null;
}
/**
 * What may be done with a node.
 */
export interface NodeActions {
  connected: boolean;
  id: string;
  swaps: OperandSwap[];
  targets: NodeTarget[];
  type: "node-actions";
}
/**
 * A sibling that a node may change places with.
 */
export interface OperandSwap {
  first: string;
  label: string;
  parent: string;
  second: string;
}
/**
 * A slot that a node may be wired into, or why not.
 */
export interface NodeTarget {
  label: string;
  parent: string;
  reason: string | null;
  slot: string;
}
/**
 * While a slider moves: the cards that say something else now. The next state has them too.
 */
export interface MovedCards {
  cards: MovedCard[];
  type: "moved-cards";
}
/**
 * A card whose numbers moved.
 */
export interface MovedCard {
  card: Card;
  id: string;
}
/**
 * Everything that is drawn of a node, but its place.
 */
export interface Card {
  empty: string;
  height: number;
  hint: string;
  label: string;
  lines: CardLine[];
  more: number;
  name: string;
  problem: ShownProblem | null;
  problems: ModelProblem[];
  ready: boolean;
  role: "matrix" | "operator" | "result";
  shape: string;
  slots: CardSlot[];
  symbol: string;
  tile: string;
  title: string;
}
/**
 * A line of facts on a card: a parameter with its value, or a text.
 */
export interface CardLine {
  fixed: boolean;
  label: string;
  text: string | null;
  value: number | ("-inf" | "inf" | "nan") | null;
}
/**
 * What is wrong, or still to come.
 */
export interface ShownProblem {
  severity: "error" | "unfinished";
  text: string;
}
/**
 * A problem as the page lists it, with its node's name; one of the whole model stands under V.
 */
export interface ModelProblem {
  field: string | null;
  name: string;
  node: string | null;
  repairs: Repair[];
  severity: "error" | "unfinished";
  text: string;
}
/**
 * A button that mends a problem: it changes the model by one step, or opens a tab where that is done.
 *
 * `takes`: it mends by taking something out of the model.
 */
export interface Repair {
  label: string;
  tab: string | null;
  takes: boolean;
}
/**
 * A slot: its name, what it is for, what is written beside it, and whether nothing is in it yet.
 */
export interface CardSlot {
  about: string;
  free: boolean;
  mark: string;
  name: string;
}
/**
 * What letting go of a structure there does, and the node whose wiring changes by it.
 */
export interface DropOutcome {
  kind: string;
  onto: string | null;
  target: Target;
  text: string;
  type: "drop-outcome";
}
/**
 * What a structure is brought to.
 *
 * Args:
 *     node: the node that it is let go on, or that a wire comes from.
 *     slot: the slot of that node.
 *     wire: id of the node that the wire under it comes from.
 */
export interface Target {
  node: string | null;
  slot: string | null;
  wire: string | null;
}
/**
 * The structures that fit where the search was opened.
 */
export interface Addable {
  kinds: string[];
  target: Target;
  type: "addable";
}
/**
 * A text for the clipboard.
 */
export interface ClipboardText {
  text: string;
  type: "clipboard-text";
}
/**
 * The bytes that come along are the library that lays a model out.
 */
export interface LayoutProgram {
  type: "layout-program";
}
/**
 * The model as the canvas draws it; V stands last.
 *
 * Args:
 *     turn: the latest turn of the page that was heard.
 *     model: another number for another model, which is shown whole.
 */
export interface CanvasState {
  dark: boolean;
  focus: string;
  model: number;
  nodes: CanvasNode[];
  selection: string[];
  templates: MenuEntry[];
  turn: number;
  width: number;
  wires: CanvasWire[];
}
/**
 * A node of the document, or V.
 */
export interface CanvasNode {
  card: Card;
  id: string;
  x: number;
  y: number;
}
/**
 * A connection: an operand in its slot, or the node that is V.
 */
export interface CanvasWire {
  child: string;
  id: string;
  label: string;
  parent: string;
  slot: string;
}
/**
 * Nodes were put elsewhere; a run of presses of arrow keys is one step.
 */
export interface NodesMoved {
  by_keys: boolean;
  places: NodePlace[];
  turn: number;
  type: "nodes-moved";
}
/**
 * Where a node is, or was put: its top left corner.
 */
export interface NodePlace {
  id: string;
  x: number;
  y: number;
}
/**
 * Other nodes are selected.
 */
export interface NodesSelected {
  nodes: string[];
  turn: number;
  type: "nodes-selected";
}
/**
 * Nodes, and wires by the node that they come from, are to go.
 */
export interface NodesDeleted {
  nodes: string[];
  type: "nodes-deleted";
  wires: string[];
}
/**
 * Copies of nodes are wanted, with everything below them.
 */
export interface NodesDuplicated {
  nodes: string[];
  type: "nodes-duplicated";
}
/**
 * A node has another name.
 */
export interface RenameNode {
  name: string;
  node: string;
  type: "rename-node";
}
/**
 * The matrix of a node, or V, is wanted large.
 */
export interface ShowMatrix {
  node: string;
  type: "show-matrix";
}
/**
 * The menu of a node was opened: what may be done with it?
 */
export interface NodeAsked {
  id: string;
  type: "node-asked";
}
/**
 * A wire is being drawn from an output, or back from a slot: where may it end?
 */
export interface WireStarted {
  node: string;
  slot: string | null;
  type: "wire-started";
}
/**
 * A wire was drawn; on the body of an operator it takes the next free slot.
 */
export interface WireDrawn {
  child: string;
  parent: string;
  slot: string | null;
  type: "wire-drawn";
}
/**
 * A node was taken out of its slot.
 */
export interface WireTaken {
  child: string;
  type: "wire-taken";
}
/**
 * A structure hovers over something.
 */
export interface StructureOver {
  kind: string;
  target: Target;
  type: "structure-over";
}
/**
 * A structure was let go.
 */
export interface StructureDropped {
  at: Place;
  kind: string;
  target: Target;
  type: "structure-dropped";
}
/**
 * A point of the canvas.
 */
export interface Place {
  x: number;
  y: number;
}
/**
 * The search for a structure was opened, from an end, for a wire, or for nothing: what fits?
 */
export interface AddAsked {
  target: Target;
  type: "add-asked";
}
/**
 * A structure was chosen in that search, for a place, or beside what it goes into.
 */
export interface StructureAdded {
  at: Place | null;
  kind: string;
  target: Target;
  type: "structure-added";
}
/**
 * What is in two slots of an operator is to change places.
 */
export interface OperandsSwapped {
  first: string;
  parent: string;
  second: string;
  type: "operands-swapped";
}
/**
 * Nodes are wanted on the clipboard, and to go with it where they are cut.
 */
export interface NodesCopied {
  cut: boolean;
  nodes: string[];
  type: "nodes-copied";
}
/**
 * A text was pasted: nodes from here or from another window.
 */
export interface TextPasted {
  at: Place;
  text: string;
  type: "text-pasted";
}
/**
 * There is something to lay out: what does it is wanted, which a page of no model goes without.
 */
export interface LayoutWanted {
  type: "layout-wanted";
}
/**
 * The model was laid out.
 */
export interface NodesArranged {
  places: NodePlace[];
  turn: number;
  type: "nodes-arranged";
}
/**
 * The program, or why there is none.
 */
export interface CodeState {
  code: string | null;
  keywords: string[];
  language: string;
  languages: Named[];
  long: boolean;
  name: string;
  problems: string[];
  reason: string | null;
}
/**
 * What is asked for by its name and read by its label: a tab, a language, a slot.
 */
export interface Named {
  label: string;
  name: string;
}
/**
 * The whole program is wanted on the clipboard; the page holds only its beginning.
 */
export interface Copy {
  type: "copy";
}
/**
 * The program is wanted as a file.
 */
export interface Download {
  type: "download";
}
/**
 * The program is wanted in another language.
 */
export interface Language {
  name: string;
  type: "language";
}
/**
 * A block of cells by column, from a row and a column on; None where a value is missing.
 */
export interface TableCells {
  cells: (string | number | ("-inf" | "inf" | "nan") | null)[][];
  column: number;
  row: number;
  serial: number;
  type: "table-cells";
}
/**
 * The table in use or proposed, or where one could come from.
 *
 * `limit` is the largest file in bytes, `suffixes` are the endings of files that can be read, `wanted` is
 * the table that the model was made for and that is not here. `second` are the tables of the individuals.
 */
export interface DataState {
  busy: string | null;
  error: string | null;
  examples: ExampleTable[];
  limit: number;
  notes: string[];
  progress: number | null;
  proposed: boolean;
  second: SecondTable[];
  second_error: string | null;
  suffixes: string[];
  table: ShownTable | null;
  wanted: string | null;
}
/**
 * A built-in table, with where it comes from.
 */
export interface ExampleTable {
  description: string;
  licence: string;
  name: string;
  source: string;
  title: string;
}
/**
 * A pedigree, markers or a matrix: what it is, whose levels are in it, who is not, and who uses it.
 */
export interface SecondTable {
  matched: string;
  name: string;
  notes: string[];
  problem: string | null;
  summary: string;
  users: string[];
}
/**
 * A table without its cells, which are asked for; `serial` is another one where they may be others.
 *
 * `ready` says that nothing is wrong with a role.
 */
export interface ShownTable {
  columns: TableColumn[];
  name: string;
  notes: string[];
  questions: TableQuestion[];
  ready: boolean;
  rows: number;
  serial: number;
}
/**
 * A column: its role and why, what is wrong with that, its values in few words.
 *
 * `levels` are those of a factor in order, where they are few enough to be put in another; `reference` is
 * the one that the others are compared with.
 */
export interface TableColumn {
  error: string | null;
  levels: string[];
  missing: number;
  name: string;
  numeric: boolean;
  reason: string;
  reference: string | null;
  role: "covariate" | "factor" | "ignored" | "response";
  summary: string;
}
/**
 * What a file does not say, and the answers that can still be given.
 */
export interface TableQuestion {
  answers: string[];
  text: string;
}
/**
 * A column has another role.
 */
export interface GiveRole {
  column: string;
  role: "covariate" | "factor" | "ignored" | "response";
  type: "give-role";
}
/**
 * A question has an answer, both by their places.
 */
export interface AnswerQuestion {
  answer: number;
  question: number;
  type: "answer-question";
}
/**
 * The levels of a factor stand in another order.
 */
export interface OrderLevels {
  column: string;
  levels: string[];
  type: "order-levels";
}
/**
 * The other levels of a factor are compared with this one.
 */
export interface CompareWith {
  column: string;
  level: string;
  type: "compare-with";
}
/**
 * The proposed table is the data.
 */
export interface UseTable {
  type: "use-table";
}
/**
 * The proposed table is not wanted.
 */
export interface DiscardTable {
  type: "discard-table";
}
/**
 * A second table is not wanted any more.
 */
export interface DropSecond {
  name: string;
  type: "drop-second";
}
/**
 * The page could not read or send a file; the sentence says why.
 */
export interface RefuseFile {
  text: string;
  type: "refuse-file";
}
/**
 * The page could not read or send the file of a second table; the sentence says why.
 */
export interface RefuseSecond {
  text: string;
  type: "refuse-second";
}
/**
 * A block of cells is to be seen: `rows` by `columns`, from a row and a column on.
 */
export interface WantCells {
  column: number;
  columns: number;
  row: number;
  rows: number;
  serial: number;
  type: "want-cells";
}
/**
 * The file that is being sent or read is not wanted any more.
 */
export interface StopReading {
  type: "stop-reading";
}
/**
 * The bytes that come along are a part of the next draft.
 */
export interface KeepPart {
  part: string;
  type: "keep-part";
}
/**
 * The present work, to be kept in place of what was kept of this page.
 */
export interface KeepDraft {
  draft: Draft;
  type: "keep-draft";
}
/**
 * A session's work. What is large is in parts of their own, which are named by their content.
 */
export interface Draft {
  derivatives: "natural" | "theta";
  file_version: number;
  fit: DraftFit | null;
  fitting: boolean;
  focus: string;
  future: DraftStep[];
  heard: number;
  nodes: string[];
  past: DraftStep[];
  present: string;
  running: string;
  selection: string[];
  tables: DraftTable[];
  title: string;
  version: number;
}
/**
 * A fit, by its part, with the document that it belongs to.
 */
export interface DraftFit {
  document: string;
  number: number;
  part: string;
  seconds: number;
}
/**
 * A document that undo or redo goes back to, by its part, and what the way there is called.
 */
export interface DraftStep {
  another_model: boolean;
  label: string;
  part: string;
}
/**
 * A table, by its name and its part.
 */
export interface DraftTable {
  name: string;
  part: string;
}
/**
 * A draft is back on the page, or why it is not.
 */
export interface DraftBack {
  trouble: string | null;
  type: "draft-back";
}
/**
 * Drafts are kept; the most bytes that one may have to come back.
 */
export interface DraftsState {
  limit: number;
}
/**
 * The browser has lost parts, or has forgotten them: everything is to be sent again.
 */
export interface SendAll {
  type: "send-all";
}
/**
 * All drafts were forgotten; nothing is to be kept before the next change.
 */
export interface ForgetWork {
  type: "forget-work";
}
/**
 * The browser keeps nothing, and why.
 */
export interface NotKept {
  text: string;
  type: "not-kept";
}
/**
 * The fit view, but for the tables of the results, which are large and change seldom.
 *
 * `held` says why nothing goes on with the fit under way for now.
 */
export interface FitState {
  ahead: number;
  degrees: "kenward-roger" | "kenward-roger-observed" | "satterthwaite";
  derived: FitDerivedState;
  failure: FitFailure | null;
  formula: FitFormula;
  held: string;
  method: "ML" | "REML";
  notes: string[];
  outlook: FitOutlook | null;
  phase: "cancelling" | "idle" | "inferring" | "running" | "starting" | "waiting";
  problems: ModelProblem[];
  questions: FitQuestionsState;
  reason: string | null;
  response: FitResponse;
  stale: FitStale | null;
  steps: FitStep[];
  table: string | null;
}
/**
 * The document's derived quantities, and one that is being written.
 *
 * `refused` says that the draft was to be added, and has no value.
 */
export interface FitDerivedState {
  draft: string;
  refused: boolean;
  rows: FitQuantity[];
  tried: FitQuantity | null;
}
/**
 * A derived quantity at the estimates, or why it has no value.
 */
export interface FitQuantity {
  error: number | ("-inf" | "inf" | "nan");
  estimate: number | ("-inf" | "inf" | "nan");
  lower: number | ("-inf" | "inf" | "nan");
  name: string;
  note: string;
  text: string;
  trouble: string;
  upper: number | ("-inf" | "inf" | "nan");
}
/**
 * Why there is no estimate.
 */
export interface FitFailure {
  message: string;
  problems: ModelProblem[];
}
/**
 * The fixed effects, as they stand or as they are being written.
 *
 * `dependent` says that the error is of columns that depend on others; `drop`, that those are left out.
 */
export interface FitFormula {
  columns: string[];
  count: number;
  dependent: boolean;
  drop: boolean;
  error: string | null;
  left_out: string[];
  names: string[];
  text: string;
}
/**
 * The engine that would fit, what an iteration would take, why, and what other engines would say.
 */
export interface FitOutlook {
  cost: string;
  engine: string;
  others: string[];
  why: string;
}
/**
 * What can be asked about the latest fit, what is being asked, and the answers so far.
 *
 * `cut` is the fall of the log-likelihood at the ends of an interval; `kind`, what was asked last.
 */
export interface FitQuestionsState {
  busy: FitBusy | null;
  cut: number;
  failure: string;
  kind: ("omit" | "profile") | null;
  omissions: FitOmission[];
  parameters: string[];
  profiles: FitProfile[];
  terms: string[];
  troubles: FitTrouble[];
}
/**
 * A question under way: what it is about, where it is, how many of its names are done.
 *
 * `held` says why nothing goes on with it for now.
 */
export interface FitBusy {
  count: number;
  done: number;
  held: string;
  kind: "omit" | "profile";
  name: string;
  names: string[];
  stopping: boolean;
}
/**
 * A test of V without one of its terms, or why there is none.
 */
export interface FitOmission {
  loglik: number | ("-inf" | "inf" | "nan");
  mixture: string;
  name: string;
  note: string;
  p: number | ("-inf" | "inf" | "nan");
  statistic: number | ("-inf" | "inf" | "nan");
  trouble: string;
}
/**
 * A profile likelihood: the interval, which of its ends are open, and the curve.
 */
export interface FitProfile {
  curve: FitPoint[];
  estimate: number;
  lower: number | ("-inf" | "inf" | "nan");
  name: string;
  notes: string[];
  open_above: boolean;
  open_below: boolean;
  upper: number | ("-inf" | "inf" | "nan");
}
/**
 * A value of a parameter, and how far the log-likelihood has fallen there.
 */
export interface FitPoint {
  fall: number;
  value: number;
}
/**
 * A parameter without a profile, and why.
 */
export interface FitTrouble {
  name: string;
  text: string;
}
/**
 * The response, the columns that could be one, and what is wrong with it.
 */
export interface FitResponse {
  choices: string[];
  error: string | null;
  value: string | null;
}
/**
 * What changed since the results were found, and whether moving the sliders back mends it.
 */
export interface FitStale {
  text: string;
  values: boolean;
}
/**
 * One iteration.
 */
export interface FitStep {
  halvings: number;
  loglik: number | ("-inf" | "inf" | "nan");
  number: number;
  score: number | ("-inf" | "inf" | "nan");
}
/**
 * Another column is the response, or none.
 */
export interface ChooseResponse {
  column: string | null;
  type: "choose-response";
}
/**
 * A formula is being written.
 */
export interface CheckFormula {
  text: string;
  type: "check-formula";
}
/**
 * The formula is written.
 */
export interface WriteFormula {
  text: string;
  type: "write-formula";
}
/**
 * The likelihood to maximise.
 */
export interface ChooseMethod {
  method: "ML" | "REML";
  type: "choose-method";
}
/**
 * The degrees of freedom of tests.
 */
export interface ChooseDegrees {
  degrees: "kenward-roger" | "kenward-roger-observed" | "satterthwaite";
  type: "choose-degrees";
}
/**
 * Columns that depend on others are to be left out, and the model fitted.
 */
export interface LeaveOutColumns {
  type: "leave-out-columns";
}
/**
 * All columns are to be kept.
 */
export interface KeepColumns {
  type: "keep-columns";
}
/**
 * The model is to be fitted.
 */
export interface StartFit {
  type: "start-fit";
}
/**
 * The fit under way is to end.
 */
export interface CancelFit {
  type: "cancel-fit";
}
/**
 * A node is to be selected and shown.
 */
export interface SelectNode {
  node: string;
  type: "select-node";
}
/**
 * A tab is to come to the front.
 */
export interface OpenTab {
  tab: string;
  type: "open-tab";
}
/**
 * The parameters are to stand at the estimates again.
 */
export interface BackToEstimates {
  type: "back-to-estimates";
}
/**
 * A table is wanted as a file, or "all" of them.
 */
export interface SaveTable {
  table: string;
  type: "save-table";
}
/**
 * A table is wanted on the clipboard.
 */
export interface CopyTable {
  table: string;
  type: "copy-table";
}
/**
 * A derived quantity is being written.
 */
export interface TryQuantity {
  text: string;
  type: "try-quantity";
}
/**
 * A derived quantity is wanted of this fit and the next ones.
 */
export interface AddQuantity {
  text: string;
  type: "add-quantity";
}
/**
 * A derived quantity is not wanted any more.
 */
export interface RemoveQuantity {
  text: string;
  type: "remove-quantity";
}
/**
 * The profile likelihood of a parameter is wanted, or of all that have none.
 */
export interface AskProfile {
  name: string | null;
  type: "ask-profile";
}
/**
 * A test of V without one of its terms is wanted, or of each that has none.
 */
export interface AskOmission {
  name: string | null;
  type: "ask-omission";
}
/**
 * The question under way is given up.
 */
export interface StopAsking {
  type: "stop-asking";
}
/**
 * A tab that is not at the front gets a dot.
 */
export interface MarkTab {
  mark: "news" | "problem";
  tab: string;
  type: "mark-tab";
}
/**
 * Something was added to the page, which is to say that it has heard.
 */
export interface Settle {
  type: "settle";
}
/**
 * The bytes that come along are a file for the person.
 */
export interface SaveFile {
  kind: string;
  name: string;
  type: "save-file";
}
/**
 * What stands in the frame, and how the help says the work goes.
 */
export interface FrameState {
  steps: string[];
  tabs: Named[];
}
/**
 * The page stands and answers.
 */
export interface PageReady {
  dark: boolean;
  type: "page-ready";
}
/**
 * The page is dark now, or light.
 */
export interface ThemeChosen {
  dark: boolean;
  type: "theme-chosen";
}
/**
 * A tab is at the front now.
 */
export interface TabOpened {
  tab: string;
  type: "tab-opened";
}
/**
 * The page knows of what was added to it.
 */
export interface Settled {
  type: "settled";
}
/**
 * The line to this session was lost and is back: what was told meanwhile was not heard.
 */
export interface Resumed {
  type: "resumed";
}
/**
 * Numbers alone, while a slider moves.
 */
export interface MovedParameters {
  moved: MovedParameter[];
  type: "moved-parameters";
}
/**
 * A parameter that has another value now.
 */
export interface MovedParameter {
  key: string;
  raw: number | ("-inf" | "inf" | "nan");
  value: number | ("-inf" | "inf" | "nan");
}
/**
 * What is selected, and why what was said last was refused: field -> sentence.
 *
 * `revision` moves with every refusal, so that the page hears of a second one in the same words.
 */
export interface InspectorState {
  errors: {
    [k: string]: string;
  };
  page: NodePage | SeveralPage | ModelPage | EmptyPage;
  revision: number;
}
/**
 * One node, with `count` parameters to list; `find` is what they are looked for by, None for a few.
 */
export interface NodePage {
  arguments: (
    | SizeField
    | FactorsField
    | CoordinatesField
    | MatrixField
    | ChoiceField
    | IndicesField
    | FlagField
    | IntegerField
    | NumberField
  )[];
  count: number;
  elsewhere: Elsewhere[];
  find: string | null;
  formula: string;
  id: string;
  indefinite: boolean;
  katex: string | null;
  mode: "node";
  name: string;
  operands: Operand[];
  parameters: ParameterRow[];
  path: string | null;
  problems: ModelProblem[];
  reference: string;
  role: "matrix" | "operator";
  shape: string;
  standing: string;
  summary: string;
  symbol: string;
  title: string;
}
/**
 * A size: where it comes from, and what it may come from.
 */
export interface SizeField {
  choices: ColumnChoice[];
  columns: string[];
  given: boolean;
  help: string;
  kind: "size";
  label: string;
  mode: "auto" | "levels" | "number" | "rows";
  name: string;
  number: number | null;
  optional: boolean;
  origin: string;
  rows: number | null;
}
/**
 * A column that may be chosen, and its role.
 */
export interface ColumnChoice {
  name: string;
  role: string;
}
/**
 * Columns of labels.
 */
export interface FactorsField {
  choices: ColumnChoice[];
  columns: string[];
  count: number | null;
  given: boolean;
  help: string;
  kind: "factors";
  label: string;
  least: number;
  most: number | null;
  name: string;
  optional: boolean;
  table: boolean;
  written: string;
}
/**
 * Columns of numbers.
 */
export interface CoordinatesField {
  choices: ColumnChoice[];
  columns: string[];
  count: number | null;
  given: boolean;
  help: string;
  kind: "coordinates";
  label: string;
  least: number;
  most: number | null;
  name: string;
  optional: boolean;
  table: boolean;
  written: string;
}
/**
 * A matrix as text, or one of the model's second tables; the text of a large one is not sent.
 */
export interface MatrixField {
  given: boolean;
  help: string;
  kind: "matrix";
  label: string;
  large: boolean;
  name: string;
  optional: boolean;
  shape: string | null;
  table: string | null;
  tables: string[];
  text: string;
}
/**
 * One of a few words.
 */
export interface ChoiceField {
  choices: string[];
  given: boolean;
  help: string;
  kind: "choice";
  label: string;
  name: string;
  optional: boolean;
  value: string | null;
}
/**
 * Positions, as text.
 */
export interface IndicesField {
  given: boolean;
  help: string;
  kind: "indices";
  label: string;
  name: string;
  optional: boolean;
  value: string;
}
/**
 * Yes or no.
 */
export interface FlagField {
  given: boolean;
  help: string;
  kind: "flag";
  label: string;
  name: string;
  optional: boolean;
  value: boolean | null;
}
/**
 * A whole number.
 */
export interface IntegerField {
  given: boolean;
  help: string;
  kind: "integer";
  label: string;
  name: string;
  optional: boolean;
  value: number | null;
}
/**
 * A number.
 */
export interface NumberField {
  given: boolean;
  help: string;
  kind: "number";
  label: string;
  name: string;
  optional: boolean;
  value: number | ("-inf" | "inf" | "nan") | null;
}
/**
 * What another system calls a structure, and how it is asked for there.
 */
export interface Elsewhere {
  names: string[];
  system: string;
  usage: string;
}
/**
 * A slot of an operator, and what is in it.
 */
export interface Operand {
  child: string | null;
  help: string;
  name: string | null;
  shape: string | null;
  slot: string;
}
/**
 * A parameter: `path` is its name in V, `label` its letter, `note` what the first of its kind means.
 */
export interface ParameterRow {
  default: number | ("-inf" | "inf" | "nan");
  fixed: boolean;
  high: number | ("-inf" | "inf" | "nan");
  key: string;
  label: string;
  low: number | ("-inf" | "inf" | "nan");
  meaning: string;
  node: string;
  note: string;
  param: string;
  path: string;
  raw: number | ("-inf" | "inf" | "nan");
  scale: Scale;
  transform: string;
  value: number | ("-inf" | "inf" | "nan");
  zero: boolean;
}
/**
 * How a slider's position p in [0, 1] becomes a natural value.
 *
 * "log": offset + low (high/low)^p, and offset itself at p = 0 when `zero` is true. "linear": low + p (high
 * - low).
 *
 * Args:
 *     kind: "log" or "linear".
 *     low: the value at the left end (for "log": above the offset, and above zero).
 *     high: the value at the right end, likewise.
 *     offset: lower end of the parameter's domain; 0 for a variance.
 *     zero: the left end stands for the offset itself.
 */
export interface Scale {
  high: number;
  kind: "linear" | "log";
  low: number;
  offset: number;
  zero: boolean;
}
/**
 * Several nodes.
 */
export interface SeveralPage {
  mode: "several";
  nodes: SelectedNode[];
}
/**
 * One of several nodes.
 */
export interface SelectedNode {
  id: string;
  name: string;
  title: string;
}
/**
 * All parameters of V, by node; `more` nodes are not listed yet.
 */
export interface ModelPage {
  find: string | null;
  fixed: number;
  free: number;
  groups: ParameterGroup[];
  mode: "model";
  more: number;
  problems: ModelProblem[];
  shape: string;
}
/**
 * The parameters of one node of V that are listed; `count` is how many there are to list.
 */
export interface ParameterGroup {
  count: number;
  name: string;
  node: string;
  parameters: ParameterRow[];
  title: string;
}
/**
 * How to begin; with the table, if there is one.
 */
export interface EmptyPage {
  mode: "empty";
  table: string | null;
}
/**
 * An argument has another value.
 */
export interface GiveArgument {
  argument: string;
  node: string;
  type: "give-argument";
  value:
    boolean | number | string | (FromModel | FromRows | FromLevels | FromNumber | FromTable | Written) | null;
}
/**
 * A size that follows the model.
 */
export interface FromModel {
  mode: "auto";
}
/**
 * The rows of the table.
 */
export interface FromRows {
  mode: "rows";
}
/**
 * The levels of columns.
 */
export interface FromLevels {
  columns: string[];
  mode: "levels";
}
/**
 * A size as a number.
 */
export interface FromNumber {
  mode: "number";
  number: number;
}
/**
 * A second table of the model.
 */
export interface FromTable {
  mode: "table";
  name: string;
}
/**
 * Values as they were typed.
 */
export interface Written {
  mode: "written";
  text: string;
}
/**
 * A column goes into a list of columns, or out of it.
 */
export interface TakeColumn {
  argument: string;
  column: string;
  node: string;
  on: boolean;
  type: "take-column";
}
/**
 * A parameter has another natural value.
 */
export interface GiveValue {
  node: string;
  param: string;
  type: "give-value";
  value: number;
}
/**
 * A parameter has its default value again.
 */
export interface ResetValue {
  node: string;
  param: string;
  type: "reset-value";
}
/**
 * A parameter is a constant, or is one no longer.
 */
export interface FixParameter {
  fixed: boolean;
  node: string;
  param: string;
  type: "fix-parameter";
}
/**
 * More parameters of a node are wanted, or more nodes.
 */
export interface MoreParameters {
  node: string | null;
  type: "more-parameters";
}
/**
 * Those parameters are wanted whose name holds a text.
 */
export interface FindParameters {
  text: string;
  type: "find-parameters";
}
/**
 * What is selected goes.
 */
export interface RemoveSelected {
  type: "remove-selected";
}
/**
 * A problem of a node, or of V, is to be mended by the repair of this label.
 */
export interface RepairProblem {
  label: string;
  node: string | null;
  type: "repair-problem";
}
/**
 * What stands above the large plot: which matrix it is, and how it can be read.
 */
export interface MatrixState {
  about: string;
  derivative: boolean;
  facts: MatrixFact[];
  first: string;
  formula: boolean;
  mode: "correlation" | "log" | "value";
  modes: ("correlation" | "log" | "value")[];
  problem: ShownProblem | null;
  shape: string | null;
  title: string;
}
/**
 * What can be said of a matrix in a word and a number.
 */
export interface MatrixFact {
  name: string;
  text: string;
}
/**
 * How the matrix is to be read.
 */
export interface ReadAs {
  mode: "correlation" | "log" | "value";
  type: "read-as";
}
/**
 * Whether the large plot can be seen: while nobody sees it, nothing is computed for it.
 */
export interface PlotSeen {
  type: "plot-seen";
  visible: boolean;
}
/**
 * One frame: the pictures that changed, with their codes as bytes beside it, and those that have none.
 */
export interface Paint {
  clear: string[];
  done: boolean;
  seq: number;
  tiles: PaintTile[];
  type: "paint";
  work: number;
}
/**
 * One picture of a frame, but for its codes: `rows` times `cols` bytes from `offset` on.
 */
export interface PaintTile {
  block: number;
  cols: number;
  high: number;
  key: string;
  limit: number;
  low: number;
  m: number;
  n: number;
  offset: number;
  rows: number;
  scale: "diverging" | "sequential";
  values: string[];
}
/**
 * What was asked for, as it is read.
 */
export interface CellValue {
  col: string;
  id: number;
  row: string;
  type: "cell-value";
  value: string;
}
/**
 * The colours of every picture.
 */
export interface PainterState {
  dark: Ramps;
  light: Ramps;
}
/**
 * The colours of both scales, 256 each, RGBA as hexadecimal text.
 */
export interface Ramps {
  diverging: string;
  sequential: string;
}
/**
 * A slider moved. `seq` counts what the page says; one `gesture` is one step of the history.
 */
export interface Drag {
  gesture: number;
  node: string;
  param: string;
  seq: number;
  type: "drag";
  value: number;
}
/**
 * The slider was let go.
 */
export interface Release {
  type: "release";
}
/**
 * The tiles in sight, with the pixels per side of the largest canvas that shows each.
 */
export interface Visible {
  tiles: {
    [k: string]: number;
  };
  type: "visible";
}
/**
 * An empty frame is wanted: what the way there and back costs by itself.
 */
export interface Ping {
  seq: number;
  type: "ping";
}
/**
 * The largest entry is wanted of the block of `size` rows and columns of a matrix that begins here.
 */
export interface Query {
  col: number;
  id: number;
  key: string;
  row: number;
  size: number;
  type: "query";
}
/**
 * All there is to be found, and where the engine of formulas is served.
 */
export interface PaletteState {
  entries: PaletteEntry[];
  katex: string | null;
  offers: PaletteOffer[];
}
/**
 * A structure that can be dragged onto the canvas.
 */
export interface PaletteEntry {
  aliases: Alias[];
  category: string;
  formula: string;
  indefinite: boolean;
  keywords: string[];
  kind: string;
  picture: Pictogram;
  reference: string;
  role: "matrix" | "operator";
  slots: Named[];
  summary: string;
  symbol: string;
  systems: string[];
  title: string;
}
/**
 * What another system calls a structure.
 */
export interface Alias {
  name: string;
  system: string;
}
/**
 * The pattern of a small example: [row, column, weight] of every cell, weights between -1 and 1.
 */
export interface Pictogram {
  cells: [number, number, number][];
  cols: number;
  rows: number;
}
/**
 * What the search finds beside structures.
 */
export interface PaletteOffer {
  category: string;
  keywords: string[];
  name: string;
  offer: "example" | "language" | "tab" | "template";
  summary: string;
  title: string;
}
/**
 * A structure is wanted on the canvas, near a point where the canvas tells one.
 */
export interface AddStructure {
  centre: Place | null;
  kind: string;
  type: "add-structure";
}
/**
 * Something beside structures is wanted.
 */
export interface TakeOffer {
  name: string;
  offer: "example" | "language" | "tab" | "template";
  type: "take-offer";
}
/**
 * A finished fit: the `number`-th of the session. `varcorr` is empty where no effects are correlated.
 */
export interface ResultsState {
  blups: RandomRows;
  fixed_effects: EffectRow[];
  number: number;
  residuals: ResidualPoints | null;
  summary: FitSummary;
  tests: TestRow[];
  varcorr: VarcorrRow[];
  variance_components: VarianceRow[];
  variance_shares: ShareRow[];
}
/**
 * Predicted random effects, column by column: the first of `total`.
 */
export interface RandomRows {
  blup: (number | ("-inf" | "inf" | "nan") | null)[];
  level: string[];
  reliability: (number | ("-inf" | "inf" | "nan") | null)[];
  standard_error: (number | ("-inf" | "inf" | "nan") | null)[];
  term: string[];
  total: number;
}
/**
 * A fixed effect; None is what there is not.
 */
export interface EffectRow {
  df: number | ("-inf" | "inf" | "nan") | null;
  effect: string;
  estimate: number | ("-inf" | "inf" | "nan") | null;
  lower: number | ("-inf" | "inf" | "nan") | null;
  p: number | ("-inf" | "inf" | "nan") | null;
  standard_error: number | ("-inf" | "inf" | "nan") | null;
  t: number | ("-inf" | "inf" | "nan") | null;
  upper: number | ("-inf" | "inf" | "nan") | null;
}
/**
 * Residuals in standard deviations from the smallest to the largest, column by column: some of `total`.
 *
 * `by` says what they were divided by, `row` which row of the table each is of, from 1; 95 % of standard
 * normal numbers of that rank lie between `lower` and `upper`.
 */
export interface ResidualPoints {
  by: "Pearson" | "studentised";
  fitted: number[];
  lower: number[];
  quantile: number[];
  row: number[];
  total: number;
  upper: number[];
  value: number[];
}
/**
 * The fit in a few numbers and sentences.
 *
 * `information` is what standard errors of variance parameters come from, `degrees` where the degrees of
 * freedom of tests do; "" where there are none. `contained` are the terms without a test, because others
 * contain them; `parameters`, what derived quantities are functions of. `criteria` says what AIC and BIC
 * count, and which models they compare.
 */
export interface FitSummary {
  aic: number | ("-inf" | "inf" | "nan");
  bic: number | ("-inf" | "inf" | "nan");
  contained: string[];
  criteria: string;
  degrees: string;
  engine: string;
  engine_reason: string;
  information: string;
  iterations: number;
  loglik: number | ("-inf" | "inf" | "nan");
  method: "ML" | "REML";
  n: number;
  notes: string[];
  p: number;
  parameters: Word[];
  seconds: number;
  verdict: FitVerdict;
}
/**
 * A parameter in an expression: the shortest word that means it, and what it is called.
 */
export interface Word {
  name: string;
  word: string;
}
/**
 * How the fit ended, in words.
 */
export interface FitVerdict {
  mood: "ok" | "problem" | "todo";
  text: string;
  title: string;
}
/**
 * An F test of a term of the fixed effects.
 */
export interface TestRow {
  F: number | ("-inf" | "inf" | "nan") | null;
  den_df: number | ("-inf" | "inf" | "nan") | null;
  df: number | ("-inf" | "inf" | "nan") | null;
  p: number | ("-inf" | "inf" | "nan") | null;
  term: string;
}
/**
 * A variance of effects of a term, or a covariance of two of them; None is what there is not.
 *
 * `term` is its path and `name` what it is called; `first` and `second` are levels or coefficients, `second`
 * "" for a variance, and both "" where the groups of the term have one effect each. `sdcor` is the square
 * root, or the correlation.
 */
export interface VarcorrRow {
  first: string;
  name: string;
  sdcor: number | ("-inf" | "inf" | "nan") | null;
  sdcor_standard_error: number | ("-inf" | "inf" | "nan") | null;
  second: string;
  term: string;
  vcov: number | ("-inf" | "inf" | "nan") | null;
  vcov_standard_error: number | ("-inf" | "inf" | "nan") | null;
}
/**
 * A variance parameter by its path, and what it is called; None is what there is not.
 */
export interface VarianceRow {
  estimate: number | ("-inf" | "inf" | "nan") | null;
  lower: number | ("-inf" | "inf" | "nan") | null;
  name: string;
  parameter: string;
  standard_error: number | ("-inf" | "inf" | "nan") | null;
  status: string;
  upper: number | ("-inf" | "inf" | "nan") | null;
}
/**
 * A term of V by its path, and what it is called; None is what there is not.
 *
 * Its variance is the mean over the rows, the share is of all terms; a heritability says how well its
 * effects are told apart.
 */
export interface ShareRow {
  cullis_heritability: number | ("-inf" | "inf" | "nan") | null;
  generalised_heritability: number | ("-inf" | "inf" | "nan") | null;
  name: string;
  share: number | ("-inf" | "inf" | "nan") | null;
  term: string;
  variance: number | ("-inf" | "inf" | "nan") | null;
}
/**
 * Natural values that a moved slider changed, by the path of their parameters.
 */
export interface SliceValues {
  type: "slice-values";
  values: {
    [k: string]: number | "-inf" | "inf" | "nan";
  };
}
/**
 * The dock: V and its derivatives, of which `more` are not listed yet, or why there are none.
 */
export interface SlicesState {
  derivatives: "natural" | "theta";
  focus: string;
  more: number;
  slices: SliceSummary[];
  v: VSummary | null;
  waiting: string | null;
}
/**
 * What is said under the picture of a derivative of V.
 */
export interface SliceSummary {
  fault: string | null;
  key: string;
  node: string;
  owner: string;
  path: string;
  symbol: string;
  value: number | ("-inf" | "inf" | "nan");
}
/**
 * What is said of V under its picture, and how many rows it has.
 */
export interface VSummary {
  rows: number;
  shape: string;
}
/**
 * A picture was chosen, to be shown large; its node is selected.
 */
export interface ShowLarge {
  key: string;
  node: string | null;
  type: "show-large";
}
/**
 * What V is to be differentiated by.
 */
export interface Differentiate {
  by: "natural" | "theta";
  type: "differentiate";
}
/**
 * More derivatives are wanted.
 */
export interface MoreSlices {
  type: "more-slices";
}
/**
 * How far the model is, and the notices whose cause still stands, the latest last.
 */
export interface StatusState {
  chip: Chip;
  notices: NoticeLine[];
}
/**
 * How far the model is.
 */
export interface Chip {
  level: "empty" | "problem" | "ready" | "todo";
  text: string;
  tip: string;
}
/**
 * A sentence for the person; its serial grows with every notice.
 */
export interface NoticeLine {
  level: "error" | "info" | "ok" | "warning";
  serial: number;
  text: string;
}
/**
 * What keeps the model from being ready is to be shown.
 */
export interface ChipPressed {
  type: "chip-pressed";
}
/**
 * A notice was read.
 */
export interface Dismiss {
  serial: number;
  type: "dismiss";
}
