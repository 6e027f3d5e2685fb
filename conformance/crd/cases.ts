import type { Case } from "../differential/recorded.ts";
import { invalidDefinitions, lifecycle, namesTaken } from "./definition-cases.ts";
import { instances } from "./instance-cases.ts";
import { ruleDefinitions, ruleInstances } from "./rule-cases.ts";
import { estimatedCosts, runtimeCosts } from "./rule-cost-cases.ts";
import { collectionLibraries, rulesThatCome, textLibraries } from "./rule-library-cases.ts";
import { optionalElements } from "./rule-optional-cases.ts";
import { ratcheting, selectable, subresources, versions } from "./version-cases.ts";

export const cases: Case[] = [
  lifecycle(),
  invalidDefinitions(),
  namesTaken(),
  instances(),
  subresources(),
  versions(),
  selectable(),
  ratcheting(),
  ruleInstances(),
  ruleDefinitions(),
  textLibraries(),
  collectionLibraries(),
  rulesThatCome(),
  runtimeCosts(),
  estimatedCosts(),
  optionalElements(),
];
