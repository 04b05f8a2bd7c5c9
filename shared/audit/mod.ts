export { type Activity, type ActivityType, activityTypes } from "./activities.ts";
export { cronActivity, operatorActivity, recordActivity } from "./record.ts";
