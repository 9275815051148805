-- For `linklogger dead-letters`: whoever may delete. Letters are the installation's, of no one workspace.
GRANT SELECT, DELETE ON dead_letters TO linklogger_eraser;
