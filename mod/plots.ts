/**
 * Figures and pages: everything that draws, beside the figures of the root entry.
 *
 * @module
 */

export {
  actionEntropy,
  switchRate,
  valueCalibration,
} from "../lib/plots/batch_figures.ts";
export { episodeHtml } from "../lib/plots/episode_figures.ts";
export {
  ablationForest,
  intervalCurve,
  successByTaskType,
} from "../lib/plots/learning_figures.ts";
export type { IntervalCurveOptions } from "../lib/plots/learning_figures.ts";
export {
  gearReply,
  gradientAngles,
  gradientShares,
} from "../lib/plots/method_figures.ts";
export type {
  DrawnGradient,
  DrawnReply,
  GearReplyOptions,
} from "../lib/plots/method_figures.ts";
export { replyTokens } from "../lib/plots/reply_figure.ts";
export type { ReplyTokensOptions } from "../lib/plots/reply_figure.ts";
export { reportHtml } from "../lib/plots/report.ts";
export type { ReportOptions, ReportSection } from "../lib/plots/report.ts";
export { figureBundle } from "../lib/plots/show.ts";
export type { MimeBundle } from "../lib/plots/show.ts";
export { trainingReport } from "../lib/plots/training_report.ts";
export type { TrainingReportData } from "../lib/plots/training_report.ts";
export {
  errorAgainstBatch,
  momentsAgainstLambda,
  varianceBars,
} from "../lib/plots/variance_figures.ts";
export type {
  BatchErrorCurve,
  ErrorAgainstBatchOptions,
  MomentsAgainstLambdaOptions,
  VarianceBarsOptions,
} from "../lib/plots/variance_figures.ts";
